/** Several test runs may build in this folder at once, each into a folder of its own. */
export default {
  distDir: process.env.BUILD_FOLDER ?? '.next',
  outputFileTracingRoot: import.meta.dirname,
  turbopack: { root: import.meta.dirname },
};
