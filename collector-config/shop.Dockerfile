# `examples/shop` under the agent of this checkout, for the profile `shop` of docker-compose.yaml; built from the repository's folder.
# An image and not the mounted repository: it needs nothing installed outside, and leaves no files of root behind.
FROM node:24.21.0-slim
WORKDIR /gridwatch

# The packages first: they are installed again only when they change.
COPY package.json package-lock.json .npmrc ./
COPY examples/package.json examples/
RUN npm ci --ignore-scripts

COPY tsconfig.json tsconfig.build.json ./
COPY agent agent
RUN node agent/build.mjs
COPY examples examples

USER node
CMD ["node", "--require", "gridwatch/register", "examples/shop/server.js"]
