import { type BigIntStats, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Explanation, JobDetail } from '../api/types.ts';
import { detailOf } from '../api/views.ts';
import { isShrinkError, sentenceOf, type ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import type { EngineName, Job, Order, Pin, Sidecar, Sighting } from '../core/job.ts';
import { type Message, messageOf, type Sentence, textOf } from '../core/message.ts';
import type { Library } from '../config/load.ts';
import type { Engine } from '../engine/engine.ts';
import {
  instructionFor,
  misnamedInstructions,
  reasonToIgnoreFile,
  reasonToIgnoreFolder,
  sidecarNameOf,
} from '../inbox/ignored-names.ts';
import { openedFile } from '../inbox/guarded-fs.ts';
import { procUsers } from '../inbox/open-files.ts';
import { readInstruction } from '../inbox/sidecar.ts';
import { mayBeDone } from '../library/plan/inspect.ts';
import { whyLeftAlone as whyFilmLeftAlone } from '../library/plan/look.ts';
import { say } from '../messages/say.ts';
import type { Clock } from '../platform/clock.ts';
import { type HeldFile, openBelow, openFolder } from '../platform/files/door.ts';
import { holding } from '../platform/files/entry.ts';
import { fileError } from '../platform/files/file-error.ts';
import { type Files, fingerprint, pinFrom, pinOf } from '../platform/files/files.ts';
import type { Ledger } from '../queue/ledger.ts';
import { type Folders, namesBelow } from './folders.ts';
import { samePlace } from './library-history.ts';
import type { Rulebook } from './rulebook.ts';

export interface ExplainContext {
  folders: Folders;
  ledger: Ledger;
  rulebook: Pick<Rulebook, 'trace'>;
  engines: Partial<Record<EngineName, Engine>>;
  files: Files;
  /** Films of a library have to have an age. */
  clock: Pick<Clock, 'now'>;
  /** Why a path has not been taken yet, if the watcher is waiting for it; absent without a daemon. */
  arriving?(path: string): Sentence | string | undefined;
}

/** How long an engine may think about a file, milliseconds. */
const PLAN_MS = 60_000;

/** Which rule a file gets and why, what its engine would do, and what happened to the file before. Changes nothing. */
export async function explainFile(path: string, context: ExplainContext, signal?: AbortSignal): Promise<Explanation> {
  const { folders, files } = context;
  // Comes first because it does not wait for a share that hangs; what follows would hold up the whole daemon.
  const error = await files.lstat(path).catch((thrown: unknown) => thrown);
  if (isShrinkError(error, 'unavailable')) {
    return { ...nothingPlanned(path, folders.containing(path)), verdict: error.message, before: [] };
  }

  const real = withRealFolder(path);
  const found = folders.containing(real);
  const stats = await files.lstat(real).catch(() => undefined);
  const leftAlone = stats
    ? whyLeftAlone(found?.relative ?? basename(real), stats, () =>
        found ? whereItLeads(found, real) : say('files.is-link', { path: real }),
      )
    : say('app.no-such-file');
  return explainFound({ path: real, found, stats, leftAlone }, context, signal);
}

/**
 * The same for whoever may ask over HTTP. What is in no inbox by the text of its path is not looked at; in an inbox no link is
 * followed, and none is read.
 */
export async function explainOnPage(path: string, context: ExplainContext, signal?: AbortSignal): Promise<Explanation> {
  const asked = resolve(path);
  const found = context.folders.containing(asked);
  if (!found) return answerInNoInbox(path);
  const stats = await lookInside(found.folder.inbox, asked, context.files).catch((thrown: unknown) =>
    fileError(thrown, say('files.identifying', { path: asked }), asked),
  );
  if (isShrinkError(stats)) {
    const leftAlone = stats.code === 'gone' ? say('app.no-such-file') : sentenceOf(stats);
    return { ...(await explainFound({ path: asked, found, stats: undefined, leftAlone }, context, signal)), path };
  }
  const leftAlone = whyLeftAlone(found.relative, stats, () => say('files.is-link', { path: asked }));
  return { ...(await explainFound({ path: asked, found, stats, leftAlone }, context, signal)), path };
}

/** Which version of a file would be explained. Rejects as the file system or the door does; undefined: it is not looked at. */
export async function pinAsked(
  { path, onPage }: { path: string; onPage: boolean },
  { folders, files }: ExplainContext,
): Promise<Pin | undefined> {
  if (!onPage) return pinOf(path, files);
  const asked = resolve(path);
  const found = folders.containing(asked);
  return found && pinFrom(await lookInside(found.folder.inbox, asked, files));
}

/** The one answer to every path that is in no inbox by its text, whether there is something or not; undefined for others. */
export function inNoInbox(path: string, folders: Pick<Folders, 'containing'>): Explanation | undefined {
  return folders.containing(resolve(path)) ? undefined : answerInNoInbox(path);
}

function answerInNoInbox(path: string): Explanation {
  return { ...nothingPlanned(path, undefined), ...verdictOf(say('app.in-no-inbox')), before: [] };
}

function lookInside(inbox: string, path: string, files: Files): Promise<BigIntStats> {
  const names = namesBelow(inbox, path);
  const name = names.pop() ?? '';
  return holding(openFolder(inbox, names, files), folder => folder.lstat(name));
}

interface Looked {
  path: string;
  found: ReturnType<Folders['containing']>;
  /** Absent: nothing is there, and `leftAlone` says so. */
  stats: BigIntStats | undefined;
  leftAlone: Sentence | undefined;
}

async function explainFound(
  { path, found, stats, leftAlone }: Looked,
  context: ExplainContext,
  signal: AbortSignal | undefined,
): Promise<Explanation> {
  const { ledger, files } = context;
  const before = found ? ledger.atPlace(found.folder.inbox, found.relative) : [];
  const nothing = nothingPlanned(path, found);
  if (leftAlone || !stats)
    return { ...nothing, ...verdictOf(leftAlone ?? say('app.no-such-file')), before: viewsOf(before) };

  const root = found?.folder.inbox ?? dirname(path);
  const source = await openBelow(root, namesBelow(root, path), files).catch((thrown: unknown) =>
    fileError(thrown, say('files.opening', { path }), path),
  );
  try {
    const content = isShrinkError(source) ? '' : await fingerprint(source, source.pin.sizeBytes).catch(() => '');
    const known = [...new Set([...before, ...(content ? ledger.withContent(content) : [])])];
    // A file elsewhere is looked at as if it were in the first inbox.
    const { folder, relative } = found ?? { folder: context.folders.all[0], relative: basename(path) };
    if (!folder) return { ...nothing, ...verdictOf(say('app.in-no-inbox')), before: viewsOf(known) };
    const { inbox } = folder;
    if (found?.folder.library) {
      const film = { path, relative, stats, source, library: found.folder.library };
      return { ...(await filmInLibrary(film, context, signal)), before: viewsOf(known) };
    }
    const { sidecar, unread } = await sidecarBeside(root, path, files);
    const sighting = { inbox, path, relative, pin: pinFrom(stats), sidecar };
    const answer = await decisionOn(sighting, { ...context, source, unread }, signal);
    return { ...(found ? answer : asIfIn(inbox, answer)), before: viewsOf(known) };
  } finally {
    if (!isShrinkError(source)) await source.close().catch(() => {});
  }
}

interface LibraryFilm {
  path: string;
  relative: string;
  stats: BigIntStats;
  source: HeldFile | ShrinkError;
  library: Library;
}

/** What a plan of the library would say of it, and what would be done once that is started. */
async function filmInLibrary(
  { path, relative, stats, source, library }: LibraryFilm,
  context: ExplainContext,
  signal: AbortSignal | undefined,
): Promise<Omit<Explanation, 'before'>> {
  const { ledger, rulebook, engines, files, clock } = context;
  const { library: inbox, minAge } = library;
  const sighting = { inbox, path, relative, pin: pinFrom(stats) };
  const { decision, checked } = rulebook.trace(sighting, 1);
  const rules = checked.map(({ name, matched, why }) => ({ name, matched, why: why.text, message: messageOf(why) }));
  const answer = { path, folder: inbox, library: true, rules, arriving: null };
  const leave = (why: Sentence) => ({ ...answer, ...verdictOf(say('app.left-alone', { why })), plan: [] });
  if (isShrinkError(source)) return leave(sentenceOf(source));

  const name = basename(relative);
  const beside = await holding(openFolder(inbox, relative.split('/').slice(0, -1), files), folder => folder.list());
  const names = beside.map(entry => entry.name);
  const user = process.geteuid?.() ?? 0;
  const byLook = whyFilmLeftAlone({ name, stats, beside: names, now: clock.now(), minAge, user });
  if (byLook) return leave(byLook.why);
  const may = await mayBeDone(relative, source, {
    decide: () => decision,
    known: ({ pin }) => samePlace(ledger.atPlace(inbox, relative), pin),
    users: procUsers,
  });
  if ('left' in may) return leave(may.why);
  const { rule, engine, target, messages, why } = may.decision;
  const order = { job: 'explain', source: path, sourceBytes: Number(stats.size), target, inPlace: true };
  const planned = await planOf(engines[engine], { order, source, signal });
  // As the plan counts it; looking for too long says nothing of the film.
  if ('refused' in planned && planned.refused.code !== 'cancelled') return leave(sentenceOf(planned.refused));
  const lines = linesOf(planned);
  const because = messages?.why ? { ...messages.why, text: why } : why;
  const would = say('app.will-be-done', { rule, engine, why: because });
  const said = verdictOf(say('app.if-planned', { would }));
  const plan = lines.map(line => messageOf(line) ?? null);
  return { ...answer, ...said, messages: { ...said.messages, plan }, plan: lines.map(line => textOf(line)) };
}

/** Nothing comes of a file that is in no inbox; what would, is said. */
function asIfIn(inbox: string, answer: Omit<Explanation, 'before'>): Omit<Explanation, 'before'> {
  const code = answer.messages?.verdict;
  const would = code ? { ...code, text: answer.verdict } : answer.verdict;
  const { verdict, messages } = verdictOf(say('app.if-in-inbox', { inbox, would }));
  return { ...answer, folder: null, verdict, messages: { ...answer.messages, ...messages } };
}

/** The instruction beside a file, as the watcher would attach it, or why it is not read. */
async function sidecarBeside(
  inbox: string,
  mediaPath: string,
  files: Files,
): Promise<{ sidecar?: Sidecar; unread?: Sentence }> {
  const parents = namesBelow(inbox, mediaPath).slice(0, -1);
  const entries = await holding(openFolder(inbox, parents, files), folder => folder.list()).catch(() => []);
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
  const lines = [...first, ...linesOf(await planOf(engines[engine], { order, source, signal }))];
  const plan = lines.map(line => messageOf(line) ?? null);
  const codes = { verdict, arriving: messageOf(pending), plan };
  return { ...answer, verdict: text, messages: codes, plan: lines.map(line => textOf(line)) };
}

function nothingPlanned(path: string, found: Looked['found']) {
  const folder = found?.folder.inbox ?? null;
  return { path, folder, ...(found?.folder.library && { library: true }), rules: [], plan: [], arriving: null };
}

function verdictOf(verdict: Partial<Message> & { text: string }): Pick<Explanation, 'verdict' | 'messages'> {
  const { text, code, params } = verdict;
  return code === undefined ? { verdict: text } : { verdict: text, messages: { verdict: { code, params } } };
}

/** Why the watcher never hands the file on. The file is not opened: reading from a named pipe would never end. */
function whyLeftAlone(relative: string, stats: BigIntStats, ofLink: () => Sentence): Sentence | undefined {
  const parts = relative.split('/');
  const name = parts.pop() ?? '';
  for (const folder of parts) {
    const why = reasonToIgnoreFolder(folder);
    if (why !== undefined) return say('app.folder-left-alone', { folder, why });
  }
  const why = reasonToIgnoreFile(name);
  if (why !== undefined) return say('app.left-alone', { why });
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return say('app.is-folder');
  return stats.isSymbolicLink() ? ofLink() : say('app.is-special');
}

function whereItLeads({ folder: { inbox, library } }: NonNullable<Looked['found']>, path: string): Sentence {
  if (library) return say('app.left-alone', { why: say('library.left-link') });
  const target = resolve(dirname(path), readlinkSync(path));
  return isWithin(inbox, target) ? say('app.is-link-inside', { target }) : say('app.is-link-outside', { target });
}

interface Planning {
  order: Order;
  source: HeldFile | ShrinkError;
  signal: AbortSignal | undefined;
}

type Planned = { lines: (Sentence | string)[] } | { refused: ShrinkError };

async function planOf(engine: Engine | undefined, { order, source, signal }: Planning): Promise<Planned> {
  if (!engine?.describe) return { lines: [] };
  const late = AbortSignal.timeout(PLAN_MS);
  try {
    if (isShrinkError(source)) throw source;
    return { lines: await engine.describe(order, source, signal ? AbortSignal.any([signal, late]) : late) };
  } catch (error) {
    signal?.throwIfAborted();
    if (!isShrinkError(error)) throw error;
    return { refused: error };
  }
}

function linesOf(planned: Planned): (Sentence | string)[] {
  if ('lines' in planned) return planned.lines;
  const { hint, messages } = planned.refused;
  const advice = hint === undefined ? [] : [messages.hint ? { ...messages.hint, text: hint } : hint];
  return [sentenceOf(planned.refused), ...advice];
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
