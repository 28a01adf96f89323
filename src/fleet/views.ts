/** A fleet as people see it: its workers, and who makes which part. Nothing is decided by it. */
import type { Message } from '../core/message.ts';
import type { Held } from './leases.ts';
import { taskOf } from './protocol.ts';

export interface FleetView {
  /** `since` is epoch ms. */
  queue: { up: boolean; since: number; why: string | null };
  workers: WorkerView[];
  queued: number;
  leased: number;
  films: FilmView[];
}

export interface WorkerView {
  name: string;
  /** `invited`: it has not joined yet. `outdated`: it speaks a protocol that is not served. */
  state: 'idle' | 'working' | 'resting' | 'draining' | 'benched' | 'away' | 'invited' | 'outdated';
  /** `null` until it is heard of, after a restart as well. */
  version: string | null;
  tasks: { task: string; n: number; fraction: number; fps: number; step: string }[];
  slots: number;
  /** Of the day in which it encodes; `null` for always. */
  hours: string | null;
  /** Bytes it had left when it last reported. */
  scratch_free: number | null;
  failures: number;
  /** `null` also where a person sent it away. */
  benched_for_ms: number | null;
  benched_because: string | null;
  messages?: { benched_because?: Message | undefined } | undefined;
  /** Epoch ms. */
  seen_at: number | null;
}

export interface PartView {
  /** From 0. */
  part: number;
  /** `here`: no worker makes it, so the daemon's own machine does. */
  state: 'waiting' | 'making' | 'made' | 'here';
  worker: string | null;
  step: string | null;
  fraction: number | null;
}

export interface FilmView {
  job: string;
  /** How many parts it has; those not asked for yet are not in `parts`. */
  of: number;
  parts: PartView[];
}

type Known = Pick<PartView, 'state' | 'worker'>;

/** What is known of the films under way; after a restart, of each part anew. */
export class FilmBoard {
  readonly #films = new Map<string, { of: number; parts: Map<number, Known> }>();

  set({ job, part, of }: { job: string; part: number; of: number }, known: Known): void {
    const film = this.#films.get(job) ?? { of, parts: new Map<number, Known>() };
    film.of = of;
    film.parts.set(part, known);
    this.#films.set(job, film);
  }

  forget(job: string): void {
    this.#films.delete(job);
  }

  /** @param held what is being made; of two that make the same part, the one that is further shows */
  view(held: readonly Held[], isActive: (job: string) => boolean): FilmView[] {
    const leases = new Map<string, Held>();
    for (const lease of held) {
      const other = leases.get(lease.task);
      if (!other || other.fraction < lease.fraction) leases.set(lease.task, lease);
    }
    for (const job of this.#films.keys()) if (!isActive(job)) this.forget(job);
    return [...this.#films].map(([job, { of, parts }]) => ({
      ...{ job, of },
      parts: [...parts]
        .map(([part, known]) => viewOf(part, known, leases.get(taskOf(job, part))))
        .sort((a, b) => a.part - b.part),
    }));
  }
}

function viewOf(part: number, known: Known, lease: Held | undefined): PartView {
  if (known.state !== 'waiting' || !lease) return { part, ...known, step: null, fraction: null };
  const { worker, step, fraction } = lease;
  return { part, state: 'making', worker, step: step || null, fraction };
}

/** One that was never heard of. */
export function silentWorker(state: WorkerView['state']): (name: string) => WorkerView {
  return name => ({
    ...{ name, state, version: null, tasks: [], slots: 0, hours: null, scratch_free: null },
    ...{ failures: 0, benched_for_ms: null, benched_because: null, seen_at: null },
  });
}

/** With those that were invited and not heard of since the start. */
export function withInvited(
  view: FleetView,
  roster: readonly { name: string; token?: string | undefined; benched?: boolean | undefined }[],
): FleetView {
  const silent = roster.filter(({ name }) => !view.workers.some(worker => worker.name === name));
  const rest = silent.map(({ name, token, benched }) =>
    silentWorker(benched ? 'benched' : token === undefined ? 'invited' : 'away')(name),
  );
  return { ...view, workers: [...view.workers, ...rest].sort((a, b) => a.name.localeCompare(b.name)) };
}
