/** A plain model of what is told of the items of queues of one name. Used by the tests of tracked queues; runs in the test's process. */
import { THRESHOLD_NS } from './tracked.ts';

/** What the cell has to say, kept the simplest way. */
export class Model {
  readonly items: { state: 'waiting' | 'serving' | 'over'; atNs: number; beganNs: number }[] = [];
  readonly counts = { arrivals: 0, completions: 0, rejections: 0, aborts: 0, errors: 0 };
  readonly limits: { threads: number; limit: number; capacity: number }[] = [
    { threads: 0, limit: 0, capacity: 0 },
    { threads: 0, limit: 0, capacity: 0 },
  ];
  waits = { count: 0, sumNs: 0 };
  services = { count: 0, sumNs: 0 };
  busyNs = 0;
  records = 0;

  get waiting(): number[] {
    return this.items.filter(({ state }) => state === 'waiting').map(({ atNs }) => atNs);
  }

  get active(): number {
    return this.items.filter(({ state }) => state === 'serving').length;
  }

  leave(item: (typeof this.items)[number], waitedNs: number): void {
    item.state = 'over';
    if (waitedNs >= THRESHOLD_NS) this.records++;
  }
}
