'use strict';

module.exports = (n) => n * n;
