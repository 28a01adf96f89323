import type { Sidecar } from '../core/job.ts';
import type { Sentence } from '../core/message.ts';
import { say } from '../messages/say.ts';
import type { FileStat } from './file-id.ts';
import type { Inspection } from './inspect.ts';
import { readInstruction } from './sidecar.ts';
import { DOUBT_FACTOR, restartWindow, samplePeriodMs, type SampleTick, windowMs } from './stability.ts';
import {
  type Directory,
  type InboxContext,
  incompleteAfterMsOf,
  openIn,
  pathOf,
  reportKey,
  settleMsOf,
  sidecarOf,
  type SightingExtras,
  sightingOf,
  type TrackedFile,
  type Veto,
} from './tracked-file.ts';

/** Acts on an inspection: reports the file (`reported`, `refused`), or leaves it `pending` with the reason. */
export async function reportFile(
  context: InboxContext,
  file: TrackedFile,
  inspection: Inspection,
  tick: SampleTick,
): Promise<void> {
  switch (inspection.kind) {
    case 'changed':
      file.settling = restartWindow(file.settling, tick);
      return;
    case 'doubt':
      return doubted(context, file, inspection);
    case 'writing':
      return holdBack(context, file, { kind: 'writer', why: inspection.why }, tick);
    case 'veto':
      if (isGivenUp(context, file, inspection.veto, tick)) {
        return refuseFile(context, file, inspection.stat, verdictOn(inspection));
      }
      return holdBack(context, file, { kind: inspection.veto, why: inspection.why }, tick);
    case 'refuse':
      return refuseFile(context, file, inspection.stat, inspection.why);
    case 'still':
      if (context.takesStills) return report(context, file, inspection.stat);
      // Like any other picture in an inbox for videos.
      file.phase = 'refused';
      return;
    case 'complete':
      return report(context, file, inspection.stat);
  }
}

/** On a second inspection, the longer window is over. */
async function doubted(
  context: InboxContext,
  file: TrackedFile,
  { stat, why, factor = DOUBT_FACTOR }: Extract<Inspection, { kind: 'doubt' }>,
): Promise<void> {
  if (file.doubt && file.doubt.factor >= factor) return report(context, file, stat);
  file.doubt = { why, factor };
}

async function report(context: InboxContext, file: TrackedFile, stat: FileStat): Promise<void> {
  const { sidecar, unread } = await instructionBeside(file, stat);
  if (unread) return refuseFile(context, file, stat, unread);
  file.phase = 'reported';
  file.veto = undefined;
  emit(context, file, stat, { sidecar });
}

/** What the instruction beside a file says, or why it cannot be used. @throws ShrinkError `unavailable` only */
export async function instructionBeside(
  file: { dir: Directory; name: string },
  { uid }: Pick<FileStat, 'uid'>,
): Promise<{ sidecar?: Sidecar; unread?: Sentence }> {
  const { dir } = file;
  const name = sidecarOf(file)?.name;
  if (name === undefined) return {};
  const instruction = await readInstruction(() => openIn(dir, name));
  if (instruction.kind === 'text') {
    const byStranger = instruction.uid !== 0n && instruction.uid !== uid;
    return { sidecar: { path: pathOf(dir, name), text: instruction.text, ...(byStranger && { byStranger }) } };
  }
  if (instruction.kind === 'none') return {};
  return { unread: say('inbox.unusable-instruction', { name, why: instruction.why }) };
}

function refuseFile(context: InboxContext, file: TrackedFile, stat: FileStat, refused: Sentence): void {
  file.phase = 'refused';
  emit(context, file, stat, { refused });
}

function holdBack(
  context: InboxContext,
  file: TrackedFile,
  { kind, why }: Pick<Veto, 'kind' | 'why'>,
  tick: SampleTick,
): void {
  const before = file.veto?.kind === kind ? file.veto : undefined;
  const since = before?.since ?? tick.at;
  const checks = (before?.checks ?? 0) + 1;
  const nextCheckAt = tick.at + pauseMs(context, file, { kind, checks, quietMs: quietMs(file, tick) });
  const isLong = tick.at - since >= WARN_AFTER_MS;
  if (isLong && !before?.warned) {
    context.log.warn({ path: pathOf(file.dir, file.name), why: why.text }, 'file has been held back for half an hour');
  }
  file.veto = { kind, why, since, nextCheckAt, checks, warned: isLong };
}

function quietMs(file: TrackedFile, tick: SampleTick): number {
  return tick.at - file.settling.changedAt;
}

const WARN_AFTER_MS = 30 * 60_000;
const FIRST_WALK_PAUSE_MS = 30_000;
const LAST_WALK_PAUSE_MS = 10 * 60_000;
/** Searching all processes takes some milliseconds of a processor. */
const FIRST_PROBE_PAUSE_MS = 250;
const LAST_PROBE_PAUSE_MS = 10_000;

/** Ms until an unchanged file is inspected again; a change starts over at once. */
function pauseMs(
  context: InboxContext,
  { polled }: TrackedFile,
  veto: { kind: Veto['kind']; checks: number; quietMs: number },
): number {
  if (veto.kind === 'incomplete') {
    const pause = Math.min(FIRST_WALK_PAUSE_MS * 2 ** Math.min(veto.checks - 1, 10), LAST_WALK_PAUSE_MS);
    const untilVerdictMs = incompleteAfterMsOf(context, polled) - veto.quietMs;
    return untilVerdictMs > 0 ? Math.min(pause, untilVerdictMs) : pause;
  }
  const periodMs = samplePeriodMs(settleMsOf(context, polled), polled);
  return Math.min(LAST_PROBE_PAUSE_MS, Math.max(FIRST_PROBE_PAUSE_MS, periodMs, veto.quietMs / 5));
}

/** A file that stays incomplete or empty gets a verdict that people see; it is still watched. */
function isGivenUp(context: InboxContext, file: TrackedFile, kind: Veto['kind'], tick: SampleTick): boolean {
  const canBeGivenUp = kind === 'incomplete' || kind === 'empty';
  return canBeGivenUp && quietMs(file, tick) >= incompleteAfterMsOf(context, file.polled);
}

function verdictOn({ veto, why }: Extract<Inspection, { kind: 'veto' }>): Sentence {
  return veto === 'empty' ? say('inbox.file-empty') : say('inbox.file-incomplete', { why });
}

function emit(context: InboxContext, file: TrackedFile, stat: FileStat, extras: SightingExtras): void {
  const key = reportKey(file.settling.key, extras);
  if (file.reported === key) return;
  file.reported = key;
  const sighting = sightingOf(context, { dir: file.dir, name: file.name, stat }, extras);
  if (!context.hasJobFor(sighting)) context.onSighting(sighting);
}

/** Why a pending file has not been reported yet. */
export function whyPending(context: InboxContext, { veto, doubt, settling, polled }: TrackedFile): Sentence {
  if (veto) return veto.why;
  const waitMs = windowMs(settling, settleMsOf(context, polled), doubt?.factor ?? 1);
  return doubt
    ? say('inbox.settling-longer', { doubt: doubt.why, windowMs: waitMs })
    : say('inbox.settling', { windowMs: waitMs });
}
