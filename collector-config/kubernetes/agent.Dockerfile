# The agent alone, for ../init-container and ../operator: /autoinstrumentation is copied into a pod, and its autoinstrumentation.js is
# what Node is told to load. Built from the repository's folder: docker build -f collector-config/kubernetes/agent.Dockerfile .
FROM node:24.21.0-slim AS build
WORKDIR /gridwatch

COPY package.json package-lock.json .npmrc ./
COPY examples/package.json examples/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json README.md LICENSE ./
COPY agent agent
RUN npm pack --pack-destination /tmp

# What the operator expects: the names, and `cp`.
WORKDIR /autoinstrumentation
RUN npm init --yes && npm install --ignore-scripts --omit=dev --no-audit --no-fund /tmp/gridwatch-*.tgz
COPY collector-config/kubernetes/autoinstrumentation.js ./

FROM busybox:1.37.0
COPY --from=build --chown=0:0 /autoinstrumentation /autoinstrumentation
RUN chmod -R go+rX /autoinstrumentation
USER 65534
