/* Says when its first line ran. The flush at its end is measured by another benchmark. */
require('node:fs').writeSync(1, String(process.hrtime.bigint()));
