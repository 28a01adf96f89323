import type { Serving } from '../api/serve.ts';
import { totalsView } from '../api/savings.ts';
import type { StatusView } from '../api/types.ts';
import { actionIn } from '../api/views.ts';
import { type EngineName, makeReason, type Reason } from '../core/job.ts';
import { stateSince } from '../core/lifecycle.ts';
import type { Folder } from '../config/load.ts';
import { formatHours } from '../core/units.ts';
import { sentenceOf, type ShrinkError } from '../core/errors.ts';
import { type Message, messageOf, type Sentence, textOf } from '../core/message.ts';
import type { Watcher } from '../inbox/watcher.ts';
import { say } from '../messages/say.ts';
import { DiskMeter } from '../monitor/disk-space.ts';
import { type Clock, timeZone } from '../platform/clock.ts';
import type { Files } from '../platform/files/files.ts';
import { finishOf } from '../queue/eta.ts';
import type { DailyWindow } from '../queue/rest-gate.ts';
import type { Engines } from './engines.ts';
import type { Folders } from './folders.ts';
import type { Lifetime } from './lifetime.ts';
import type { LiveConfig } from './live-config.ts';
import { type Queue, slotsOf } from './queue.ts';
import type { State } from './state.ts';

export interface StatusOptions {
  version: string;
  live: LiveConfig;
  state: State;
  folders: Folders;
  engines: Engines;
  queue: Queue;
  watcher: Watcher;
  files: Files;
  clock: Clock;
  life: Lifetime;
  /** Absent where the configuration has none. */
  fleet?: { view(): NonNullable<StatusView['fleet']> } | undefined;
}

/** Looking at the mounts takes most of the time of a status, and a page in each of many tabs asks for it. */
const AWAY_LOOK_MS = 500;
/** At most this many files that have no job yet are listed for each folder. */
const MAX_ARRIVING = 10;

/** What the daemon reports about itself. */
export class DaemonStatus {
  readonly #options: StatusOptions;
  readonly #startedAt: number;
  readonly #disks: DiskMeter;
  readonly #away = new Map<string, { at: number; why: ShrinkError | undefined }>();
  /** Once it answers. */
  server: Pick<Serving, 'page' | 'pageUnavailable'> | undefined;

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#disks = new DiskMeter(options.files, options.clock);
  }

  view(): StatusView {
    const { version, state } = this.#options;
    return {
      version,
      running: true,
      pid: process.pid,
      started_at: this.#startedAt,
      mode: this.mode(),
      state_dir: state.dir,
      libraries: this.#options.live.current.libraries.length,
      page: this.server?.page ?? null,
      page_unavailable: this.server?.pageUnavailable?.text,
      local_hours: hoursView(this.#options.live.current.limits.localHours),
      counts: state.ledger.counts(),
      queue: this.#queueView(),
      totals: totalsView(state.ledger.counts().done, state.ledger.space()),
      engines: this.#engines(),
      ...(this.#options.fleet && { fleet: this.#options.fleet.view() }),
      folders: this.#folders(),
    };
  }

  /** What is left is only said where it can be known: not while work rests until somebody acts. */
  #queueView(): StatusView['queue'] {
    const { live, queue, state, clock } = this.#options;
    const { order } = state.ledger;
    const { localHours } = live.current.limits;
    const left = this.mode() === 'running' ? queue.left(slotsOf(live.current)) : undefined;
    if (left === undefined) return { order, left_ms: null, finish_at: null };
    // Of engines without hours the longer part counts all the same.
    const finishes = [
      finishOf(left.local, clock.now(), localHours),
      finishOf(left.nemo, clock.now(), undefined),
      finishOf(left.fleet, clock.now(), localHours),
    ];
    const finish = finishes.includes(undefined) ? null : Math.round(Math.max(...(finishes as number[])));
    const leftMs = Math.round(Math.max(left.local, left.nemo, left.fleet));
    return { order, left_ms: leftMs, finish_at: leftMs === 0 ? null : finish };
  }

  /** Why local work rests, while it does. */
  resting(): Sentence | undefined {
    const { live, queue, state } = this.#options;
    return queue.gate.closed ? restingBecause(state.ledger.paused, live.current.limits.localHours) : undefined;
  }

  /** Costs nothing, unlike `view`. */
  mode(): StatusView['mode'] {
    const { life, state, queue } = this.#options;
    if (life.isEnding) return 'stopping';
    if (state.ledger.paused) return 'paused';
    if (!queue.scheduler.draining) return 'running';
    return queue.scheduler.running().length > 0 ? 'draining' : 'drained';
  }

  #engines(): StatusView['engines'] {
    const { live, engines, queue } = this.#options;
    const running = queue.scheduler.running();
    const resting = this.resting();
    return (Object.keys(engines) as EngineName[]).map(name => {
      const pause = queue.scheduler.enginePause(name) ?? (name === 'nemo' ? this.#servicePause() : undefined);
      return {
        name,
        ready: pause === undefined && !(name !== 'nemo' && resting),
        slots: slotsOf(live.current)[name],
        busy: running.filter(job => job.engine === name).length,
        paused_until: pause?.until ?? null,
        ...engineReason(pause ?? this.#waitedFor(name), name === 'nemo' ? undefined : resting),
      };
    });
  }

  #servicePause(): { since: null; until: number; reason: Reason } | undefined {
    const pause = this.#options.engines.nemo?.paused();
    return pause && { since: null, until: pause.until, reason: makeReason('rate-limited', pause.why) };
  }

  /** A pause does not survive a restart; what a job still waits for does. */
  #waitedFor(name: EngineName): Paused | undefined {
    const { ledger } = this.#options.state;
    if (ledger.counts().waiting === 0) return undefined;
    for (const job of ledger.all()) {
      const { state, decision } = job;
      const isOfEngine = decision.kind === 'do' && decision.engine === name;
      if (state.name === 'waiting' && isOfEngine && state.reason.action)
        return { since: stateSince(job), reason: state.reason };
    }
    return undefined;
  }

  #folders(): StatusView['folders'] {
    const { live, folders, watcher, queue } = this.#options;
    const watched = new Map(watcher.folders().map(folder => [folder.inbox, folder]));
    return live.current.folders.map(folder => {
      const { inbox, outbox } = folder;
      const seen = watched.get(inbox);
      const arriving = [...queue.admissions.pending(inbox), ...(seen?.arriving ?? [])];
      const away = this.#whyAway(folder);
      return {
        inbox,
        outbox,
        available: (seen?.available ?? false) && away?.subject !== inbox,
        ...reasonView(away ? sentenceOf(away) : (seen?.reason ?? folders.whyOriginalsStay(inbox))),
        polled: seen?.polled ?? false,
        pending: (seen?.pending ?? 0) + arriving.length - (seen?.arriving.length ?? 0),
        arriving: arriving
          .slice(0, MAX_ARRIVING)
          .map(({ path, why }) => ({ path, why: why.text, message: messageOf(why) })),
        left_alone: seen?.leftAlone ?? [],
        last_scan_age_ms: seen?.lastScanAgeMs == null ? null : Math.round(seen.lastScanAgeMs),
        disks: this.#disksOf(folder),
      };
    });
  }

  /** As they answered last: a silent share must not delay a status. */
  #disksOf({ inbox, outbox, archive }: Folder): StatusView['folders'][number]['disks'] {
    const places = [
      { place: 'inbox' as const, path: inbox },
      { place: 'outbox' as const, path: outbox },
      ...(archive ? [{ place: 'archive' as const, path: archive }] : []),
    ];
    return places.map(({ place, path }) => {
      const known = this.#disks.lastOf(path);
      return { place, path, free_bytes: known?.freeBytes ?? null, size_bytes: known?.totalBytes ?? null };
    });
  }

  /** Of a moment ago, if that was looked at then. */
  #whyAway(folder: Folder): ShrinkError | undefined {
    const { clock, folders } = this.#options;
    const key = JSON.stringify([folder.inbox, folder.outbox, folder.archive]);
    const before = this.#away.get(key);
    const now = clock.monotonic();
    if (before && now - before.at < AWAY_LOOK_MS) return before.why;
    const why = folders.whyAway(folder);
    this.#away.set(key, { at: now, why });
    return why;
  }
}

/** Somebody paused it, or the time is outside these hours. */
function restingBecause(paused: boolean, hours: DailyWindow | undefined): Sentence {
  if (paused || !hours) return say('app.paused');
  const { fromMinute, toMinute } = hours;
  return say('app.outside-hours', { fromMinute, toMinute, zone: timeZone() });
}

/** Why an engine takes nothing; `since` is epoch ms, null where nobody knows. */
interface Paused {
  since: number | null;
  reason: Reason;
}

/** Why an engine does nothing, and what a person can do about it. */
function engineReason(
  paused: Paused | undefined,
  resting: Sentence | undefined,
): Pick<StatusView['engines'][number], 'reason' | 'action' | 'messages'> {
  if (!paused) return { ...reasonView(resting), action: null };
  const { reason, since } = paused;
  const asked = actionIn(reason, since);
  const messages = { reason: reason.messages?.text, action: asked?.message };
  return { reason: reason.text, action: asked?.view ?? null, messages };
}

/** `22:00-07:00`, with the zone they are in. */
function hoursView(hours: DailyWindow | undefined): StatusView['local_hours'] {
  return hours ? { hours: formatHours(hours), time_zone: timeZone() } : null;
}

/** A reason for people, with its code. */
function reasonView(reason: Sentence | string | undefined): { reason: string | null; messages?: { reason?: Message } } {
  const message = messageOf(reason);
  return { reason: textOf(reason) ?? null, messages: message && { reason: message } };
}
