import { formatDuration } from '../core/units.ts';
import {
  type InboxContext,
  type Hold,
  incompleteAfterMsOf,
  pathOf,
  reportKey,
  settleMsOf,
  sightingOf,
  type Tracked,
} from './tracked-file.ts';
import type { Inspection } from './inspect.ts';
import { sidecarNameOf } from './ignored-names.ts';
import { DOUBT_FACTOR, type SampleTick, restartWindow, samplePeriodMs, windowMs } from './stability.ts';
import { readWords } from './sidecar.ts';
import type { FileStat } from './file-id.ts';

/** Acts on what a look into a quiet file said: reports it (`reported`, `refused`) or leaves it `pending`, saying why. */
export async function reportFile(
  context: InboxContext,
  file: Tracked,
  judgement: Inspection,
  tick: SampleTick,
): Promise<void> {
  switch (judgement.kind) {
    case 'moved':
      file.settling = restartWindow(file.settling, tick);
      return;
    case 'doubt':
      // The longer window is over when it comes here a second time.
      if (file.doubt) return report(context, file, judgement.stat);
      file.doubt = judgement.why;
      return;
    case 'writing':
      return holdBack(context, file, { kind: 'writer', why: judgement.why }, tick);
    case 'hold':
      if (isGivenUp(context, file, judgement.hold, tick))
        return refuseFile(context, file, judgement.stat, verdictOn(judgement));
      return holdBack(context, file, { kind: judgement.hold, why: judgement.why }, tick);
    case 'refuse':
      return refuseFile(context, file, judgement.stat, judgement.why);
    case 'complete':
      return report(context, file, judgement.stat);
  }
}

async function report(context: InboxContext, file: Tracked, stat: FileStat): Promise<void> {
  const { dir, name } = file;
  const path = sidecarNameOf(pathOf(dir, name));
  const words = dir.sidecars.has(name) ? await readWords(dir.disk, path) : ({ kind: 'none' } as const);
  if (words.kind === 'unusable') {
    return refuseFile(context, file, stat, `the words beside it (${sidecarNameOf(name)}) are of no use: ${words.why}`);
  }
  const sidecar = words.kind === 'words' ? { path, text: words.text } : undefined;
  file.phase = 'reported';
  file.hold = undefined;
  emit(context, file, stat, { sidecar });
}

function refuseFile(context: InboxContext, file: Tracked, stat: FileStat, why: string): void {
  file.phase = 'refused';
  emit(context, file, stat, { refused: why });
}

function holdBack(context: InboxContext, file: Tracked, said: Pick<Hold, 'kind' | 'why'>, tick: SampleTick): void {
  const before = file.hold?.kind === said.kind ? file.hold : undefined;
  const since = before?.since ?? tick.at;
  const checks = (before?.checks ?? 0) + 1;
  const nextCheckAt = tick.at + pauseMs(context, file, { kind: said.kind, checks, quietMs: quietMs(file, tick) });
  const late = tick.at - since >= WARN_AFTER_MS;
  if (late && !before?.warned) {
    const path = pathOf(file.dir, file.name);
    context.log.warn({ path, why: said.why }, 'file has been held back for half an hour');
  }
  file.hold = { kind: said.kind, why: said.why, since, nextCheckAt, checks, warned: late };
}

function quietMs(file: Tracked, tick: SampleTick): number {
  return tick.at - file.settling.changedAt;
}

const WARN_AFTER_MS = 30 * 60_000;
const FIRST_WALK_PAUSE_MS = 30_000;
const LAST_WALK_PAUSE_MS = 10 * 60_000;
/** Looking through all processes costs some milliseconds of processor. */
const FIRST_PROBE_PAUSE_MS = 250;
const LAST_PROBE_PAUSE_MS = 10_000;

/** Ms until a held file that stays the same is looked into again; a change starts all over at once. */
function pauseMs(
  context: InboxContext,
  { polled }: Tracked,
  held: { kind: Hold['kind']; checks: number; quietMs: number },
): number {
  if (held.kind === 'incomplete') {
    const pause = Math.min(FIRST_WALK_PAUSE_MS * 2 ** Math.min(held.checks - 1, 10), LAST_WALK_PAUSE_MS);
    const untilVerdictMs = incompleteAfterMsOf(context, polled) - held.quietMs;
    return untilVerdictMs > 0 ? Math.min(pause, untilVerdictMs) : pause;
  }
  const periodMs = samplePeriodMs(settleMsOf(context, polled), polled);
  return Math.min(LAST_PROBE_PAUSE_MS, Math.max(FIRST_PROBE_PAUSE_MS, periodMs, held.quietMs / 5));
}

/** A file that stays incomplete or empty gets a verdict a person sees; it is still watched. */
function isGivenUp(context: InboxContext, file: Tracked, kind: Hold['kind'], tick: SampleTick): boolean {
  return (
    (kind === 'incomplete' || kind === 'empty') && quietMs(file, tick) >= incompleteAfterMsOf(context, file.polled)
  );
}

function verdictOn(said: Extract<Inspection, { kind: 'hold' }>): string {
  const what = said.hold === 'empty' ? 'the file is empty' : `the file is incomplete: ${said.why}`;
  return `${what}; it is taken up by itself when it grows`;
}

function emit(context: InboxContext, file: Tracked, stat: FileStat, extra: Parameters<typeof sightingOf>[4]): void {
  const key = reportKey(file.settling.key, extra.sidecar?.text, extra.refused);
  if (file.reported === key) return;
  file.reported = key;
  const sighting = sightingOf(context, file.dir, file.name, stat, extra);
  if (!context.known(sighting)) context.onSighting(sighting);
}

/** Why a pending file is not reported yet, for people. */
export function whyPending(context: InboxContext, file: Tracked): string {
  if (file.hold) return file.hold.why;
  const settleMs = settleMsOf(context, file.polled);
  const window = formatDuration(windowMs(file.settling, settleMs, file.doubt ? DOUBT_FACTOR : 1));
  if (file.doubt) return `${file.doubt}: waiting until it has not changed for ${window}`;
  return `waiting until it has not changed for ${window}`;
}
