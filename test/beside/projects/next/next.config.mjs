/** Several test runs may build in this folder at once, each into a folder of its own. */
export default {
  distDir: process.env.BUILD_FOLDER ?? '.next',
  experimental: { workerThreads: process.env.BUILD_IN === 'threads' },
  outputFileTracingRoot: import.meta.dirname,
  turbopack: { root: import.meta.dirname },
};
