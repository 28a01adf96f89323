/** What is measured of a fleet. Made only where there is one: the others have no series that stay 0 for ever. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { StatusView } from '../api/types.ts';

const WORKER_STATES = ['idle', 'working', 'resting', 'draining', 'benched', 'away', 'invited', 'outdated'] as const;
const LOST_HOW = ['lost', 'failed'] as const;
/** Seconds until a worker has taken a part: milliseconds with an idle worker, hours behind a long film. */
const DISPATCH_BUCKETS = [0.01, 0.05, 0.2, 1, 5, 30, 120, 600, 3600, 4 * 3600];

/** Counts for whoever gives out the parts. Each call is synchronous and never throws. */
export class FleetMetrics {
  readonly #lost: Counter<'worker' | 'cause'>;
  readonly #fenced: Counter;
  readonly #rung: Counter;
  readonly #bytes: Counter<'dir'>;
  readonly #dispatch: Histogram;

  constructor(registry: Registry, status: () => StatusView | undefined) {
    const registers = [registry];
    const named = <L extends string>(name: string, help: string, ...labelNames: L[]) => ({
      ...{ name: `shrinkbox_fleet_${name}`, help, labelNames, registers },
    });
    this.#lost = new Counter(
      named('leases_lost_total', 'Parts that a worker was not heard of with, or failed at.', 'worker', 'cause'),
    );
    this.#fenced = new Counter(named('fenced_total', 'Calls refused because their lease was lost.'));
    this.#rung = new Counter(named('rung_total', 'Doorbells rung, those rung again included.'));
    this.#bytes = new Counter(named('bytes_total', 'Bytes of pieces sent out and of results taken in.', 'dir'));
    for (const dir of ['out', 'in']) this.#bytes.inc({ dir }, 0);
    this.#dispatch = new Histogram({
      ...named('dispatch_seconds', 'How long a part waited until a worker took it.'),
      buckets: DISPATCH_BUCKETS,
    });
    const fleet = () => status()?.fleet;
    new Gauge({
      ...named('workers', 'Workers that have reported since the start, by state.', 'state'),
      collect() {
        for (const state of WORKER_STATES)
          this.set({ state }, fleet()?.workers.filter(worker => worker.state === state).length ?? 0);
      },
    });
    new Gauge({
      ...named('tasks', 'Parts that wait for a worker, and parts being made.', 'state'),
      collect() {
        this.set({ state: 'queued' }, fleet()?.queued ?? 0);
        this.set({ state: 'leased' }, fleet()?.leased ?? 0);
      },
    });
    new Gauge({
      ...named('queue_up', '1 while Redis or Valkey answers.'),
      collect() {
        this.set(fleet()?.queue.up ? 1 : 0);
      },
    });
  }

  /** Both causes are there from the first report on: only then is the first loss an increase that alerts see. */
  joined(worker: string): void {
    for (const cause of LOST_HOW) this.#lost.inc({ worker, cause }, 0);
  }

  leaseLost(worker: string, cause: string): void {
    this.#lost.inc({ worker, cause });
  }

  fenced(): void {
    this.#fenced.inc();
  }

  rung(times: number): void {
    this.#rung.inc(times);
  }

  moved(dir: 'out' | 'in', bytes: number): void {
    this.#bytes.inc({ dir }, bytes);
  }

  dispatched(ms: number): void {
    this.#dispatch.observe(ms / 1000);
  }
}
