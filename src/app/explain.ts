import { lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Explanation, JobDetail } from '../api/types.ts';
import { detailOf } from '../api/views.ts';
import { isShrinkError, sentenceOf, type ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import type { EngineName, Job, Order, Sidecar, Sighting } from '../core/job.ts';
import { type Message, messageOf, type Sentence, textOf } from '../core/message.ts';
import type { Engine } from '../engine/engine.ts';
import {
  instructionFor,
  misnamedInstructions,
  reasonToIgnoreFile,
  reasonToIgnoreFolder,
  sidecarNameOf,
} from '../inbox/ignored-names.ts';
import { openedFile } from '../inbox/guarded-fs.ts';
import { readInstruction } from '../inbox/sidecar.ts';
import { say } from '../messages/say.ts';
import { type HeldFile, openBelow } from '../platform/files/door.ts';
import { fileError } from '../platform/files/file-error.ts';
import { type Files, fingerprint, pinOf } from '../platform/files/files.ts';
import type { Ledger } from '../queue/ledger.ts';
import { type Folders, namesBelow } from './folders.ts';
import type { Rulebook } from './rulebook.ts';

export interface ExplainContext {
  folders: Folders;
  ledger: Ledger;
  rulebook: Pick<Rulebook, 'trace'>;
  engines: Partial<Record<EngineName, Engine>>;
  files: Files;
  /** Why a path has not been taken yet, if the watcher is waiting for it; absent without a daemon. */
  arriving?(path: string): Sentence | string | undefined;
}

/** How long an engine may think about a file, milliseconds. */
const PLAN_MS = 60_000;

/** Which rule a file gets and why, what its engine would do, and what happened to the file before. Changes nothing. */
export async function explainFile(path: string, context: ExplainContext, signal?: AbortSignal): Promise<Explanation> {
  const { folders, ledger, files } = context;
  // Comes first because it does not wait for a share that hangs; what follows would hold up the whole daemon.
  const error = await files.lstat(path).catch((thrown: unknown) => thrown);
  if (isShrinkError(error, 'unavailable')) {
    const folder = folders.containing(path)?.folder.inbox ?? null;
    return { ...nothingPlanned(path, folder), verdict: error.message, before: [] };
  }

  const real = withRealFolder(path);
  const found = folders.containing(real);
  const before = found ? ledger.atPlace(found.folder.inbox, found.relative) : [];
  const nothing = nothingPlanned(real, found?.folder.inbox ?? null);
  const pin = await pinOf(real, files).catch(() => undefined);
  if (!pin) return { ...nothing, ...verdictOf(say('app.no-such-file')), before: viewsOf(before) };
  const leftAlone = found && whyLeftAlone(found, real);
  if (leftAlone) return { ...nothing, ...verdictOf(leftAlone), before: viewsOf(before) };

  const root = found?.folder.inbox ?? dirname(real);
  const source = await openBelow(root, namesBelow(root, real), files).catch((thrown: unknown) =>
    fileError(thrown, say('files.opening', { path: real }), real),
  );
  try {
    const content = isShrinkError(source) ? '' : await fingerprint(source, source.pin.sizeBytes).catch(() => '');
    const known = [...new Set([...before, ...(content ? ledger.withContent(content) : [])])];
    if (!found) return { ...nothing, ...verdictOf(say('app.in-no-inbox')), before: viewsOf(known) };
    const { folder, relative } = found;
    const { sidecar, unread } = await sidecarBeside(folder.inbox, real, files);
    const sighting = { inbox: folder.inbox, path: real, relative, pin, sidecar };
    const answer = await decisionOn(sighting, { ...context, source, unread }, signal);
    return { ...answer, before: viewsOf(known) };
  } finally {
    if (!isShrinkError(source)) await source.close().catch(() => {});
  }
}

/** The instruction beside a file, as the watcher would attach it, or why it is not read. */
async function sidecarBeside(
  inbox: string,
  mediaPath: string,
  files: Files,
): Promise<{ sidecar?: Sidecar; unread?: Sentence }> {
  const entries = await files.readdir(dirname(mediaPath)).catch(() => []);
  const names = entries.map(({ name }) => name);
  const texts = entries.filter(entry => entry.isFile()).map(({ name }) => name);
  const media = basename(mediaPath);
  const name = instructionFor(media, texts, other => names.includes(other)) ?? sidecarNameOf(media);
  const path = join(dirname(mediaPath), name);
  const instruction = await readInstruction(async () =>
    openedFile(await openBelow(inbox, namesBelow(inbox, path), files)),
  );
  if (instruction.kind === 'text') return { sidecar: { path, text: instruction.text } };
  if (instruction.kind === 'unusable')
    return { unread: say('inbox.unusable-instruction', { name, why: instruction.why }) };
  const misnamed = misnamedInstructions(names).find(other => other.media === media);
  return { unread: misnamed && say('inbox.misnamed-instruction', misnamed) };
}

/** What the rules decide for a file in an inbox, and what the engine would do. */
async function decisionOn(
  sighting: Sighting,
  context: ExplainContext & { source: HeldFile | ShrinkError; unread: Sentence | undefined },
  signal: AbortSignal | undefined,
): Promise<Omit<Explanation, 'before'>> {
  const { rulebook, engines, source, unread, arriving = () => undefined } = context;
  const first = unread ? [unread] : [];
  const { path, inbox, pin } = sighting;
  const { decision, checked } = rulebook.trace(sighting, 1);
  const rules = checked.map(({ name, matched, why }) => ({ name, matched, why: why.text, message: messageOf(why) }));
  const pending = arriving(path);
  const answer = { path, folder: inbox, rules, arriving: textOf(pending) ?? null };
  if (decision.kind !== 'do') {
    const { verdict, messages } = verdictOf({ ...decision.messages?.reason, text: decision.reason });
    const codes = { ...messages, arriving: messageOf(pending), plan: first.map(line => messageOf(line) ?? null) };
    return { ...answer, verdict, messages: codes, plan: first.map(line => line.text) };
  }
  const { rule, engine, target, instruction, messages } = decision;
  const why = messages?.why ? { ...messages.why, text: decision.why } : decision.why;
  const order = { job: 'explain', source: path, sourceBytes: pin.sizeBytes, target, instruction };
  const { text, ...verdict } = say('app.will-be-done', { rule, engine, why });
  const lines = [...first, ...(await planOf(engines[engine], { order, source, signal }))];
  const plan = lines.map(line => messageOf(line) ?? null);
  const codes = { verdict, arriving: messageOf(pending), plan };
  return { ...answer, verdict: text, messages: codes, plan: lines.map(line => textOf(line)) };
}

function nothingPlanned(path: string, folder: string | null) {
  return { path, folder, rules: [], plan: [], arriving: null };
}

function verdictOf(verdict: Partial<Message> & { text: string }): Pick<Explanation, 'verdict' | 'messages'> {
  const { text, code, params } = verdict;
  return code === undefined ? { verdict: text } : { verdict: text, messages: { verdict: { code, params } } };
}

/** Why the watcher never hands the file on. The file is not opened: reading from a named pipe would never end. */
function whyLeftAlone(
  { folder: { inbox }, relative }: { folder: { inbox: string }; relative: string },
  path: string,
): Sentence | undefined {
  const parts = relative.split('/');
  const name = parts.pop() ?? '';
  for (const folder of parts) {
    const why = reasonToIgnoreFolder(folder);
    if (why !== undefined) return say('app.folder-left-alone', { folder, why });
  }
  const why = reasonToIgnoreFile(name);
  if (why !== undefined) return say('app.left-alone', { why });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return undefined;
  if (found.isDirectory()) return say('app.is-folder');
  if (!found.isSymbolicLink()) return say('app.is-special');
  const target = resolve(dirname(path), readlinkSync(path));
  return isWithin(inbox, target) ? say('app.is-link-inside', { target }) : say('app.is-link-outside', { target });
}

interface Planning {
  order: Order;
  source: HeldFile | ShrinkError;
  signal: AbortSignal | undefined;
}

async function planOf(engine: Engine | undefined, { order, source, signal }: Planning): Promise<(Sentence | string)[]> {
  if (!engine?.describe) return [];
  const late = AbortSignal.timeout(PLAN_MS);
  try {
    if (isShrinkError(source)) throw source;
    return await engine.describe(order, source, signal ? AbortSignal.any([signal, late]) : late);
  } catch (error) {
    signal?.throwIfAborted();
    if (!isShrinkError(error)) throw error;
    const { hint, messages } = error;
    const advice = hint === undefined ? [] : [messages.hint ? { ...messages.hint, text: hint } : hint];
    return [sentenceOf(error), ...advice];
  }
}

function viewsOf(jobs: readonly Job[]): JobDetail[] {
  return [...jobs].sort((a, b) => b.createdAt - a.createdAt).map(job => detailOf(job));
}

/** Inboxes are compared as written; only the folder part of a path is resolved, so that a link stays a link. */
function withRealFolder(path: string): string {
  const absolute = resolve(path);
  try {
    return join(realpathSync(dirname(absolute)), basename(absolute));
  } catch {
    return absolute;
  }
}
