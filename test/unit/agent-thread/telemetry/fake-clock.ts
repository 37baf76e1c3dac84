/** A clock that stands still until it is moved. Used by the unit tests of telemetry; runs in the test's process. */
export class FakeClock {
  ns = 1e9;

  nowNs(): number {
    return this.ns;
  }

  nowMs(): number {
    return this.ns / 1e6;
  }

  toHrTime(ns: number): [number, number] {
    return [1_700_000_000 + Math.floor(ns / 1e9), ns % 1e9];
  }

  passS(seconds: number): void {
    this.ns += seconds * 1e9;
  }
}
