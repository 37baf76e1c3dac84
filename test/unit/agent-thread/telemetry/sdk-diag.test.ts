/** The SDK's voice: heard once, in one line, and never an echo of what was asked for. */
import { describe, expect, test } from 'vitest';
import { createSdkDiag } from '../../../../agent/agent-thread/telemetry/sdk-diag.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeDiag } from './fake-diag.ts';

function setUp() {
  const clock = new FakeClock();
  const diag = new FakeDiag();
  return { clock, diag, logger: createSdkDiag(diag, () => clock.nowMs()) };
}

describe('warnings and errors', () => {
  test('are heard once a minute, whatever the numbers in them', () => {
    const { clock, diag, logger } = setUp();
    for (let i = 0; i < 5; i++) logger.warn(`Dropped ${i} spans because maxQueueSize reached`);
    expect(diag.lines).toEqual(['warn OpenTelemetry: Dropped 0 spans because maxQueueSize reached']);
    clock.passS(60);
    logger.warn('Dropped 9 spans because maxQueueSize reached');
    expect(diag.lines).toHaveLength(2);
  });

  test('an error is its message, also in the JSON of the SDK’s last handler', () => {
    const { diag, logger } = setUp();
    logger.error('export threw', new Error('no route'));
    logger.error(JSON.stringify({ stack: 'Error: gone\n at x', message: 'gone' }));
    expect(diag.lines).toEqual(['error OpenTelemetry: export threw no route', 'error OpenTelemetry: gone']);
  });

  test('do not repeat an endpoint that is no URL', () => {
    const { diag, logger } = setUp();
    const url = "user:it's-secret@otlp.example.com/in?token=secret";
    logger.warn(`Configuration: Could not parse environment-provided export URL: '${url}', falling back to undefined`);
    logger.warn(`Provided URL appended with 'v1/logs' is not a valid URL, using 'undefined' instead of '${url}'`);
    expect(diag.lines).toEqual([
      'warn OpenTelemetry: Configuration: Could not parse environment-provided export URL: (it is not shown), falling back to undefined',
      "warn OpenTelemetry: Provided URL appended with 'v1/logs' is not a valid URL, using 'undefined' instead of (it is not shown)",
    ]);
  });

  test('that only repeat what the user asked for are not heard', () => {
    const { diag, logger } = setUp();
    logger.warn('OTEL_TRACES_EXPORTER contains "none". SDK will not be initialized.');
    expect(diag.lines).toEqual([]);
  });
});

test('what was asked for with OTEL_LOG_LEVEL is heard as it comes', () => {
  const { diag, logger } = setUp();
  logger.debug('items to be sent', { a: [1, 2] });
  logger.debug('items to be sent', { a: [1, 2] });
  logger.info('one');
  logger.verbose('two');
  expect(diag.lines).toEqual([
    'info OpenTelemetry: items to be sent { a: [ 1, 2 ] }',
    'info OpenTelemetry: items to be sent { a: [ 1, 2 ] }',
    'info OpenTelemetry: one',
    'info OpenTelemetry: two',
  ]);
});
