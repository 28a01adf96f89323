import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isShrinkError, sentenceOf, ShrinkError } from '../../../core/errors.ts';
import type { Sentence } from '../../../core/message.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { replaceDurably } from '../../../platform/files/durable.ts';
import { sleep } from '../../../platform/clock.ts';
import { nodeFiles, sha256Of } from '../../../platform/files/files.ts';
import { retryCountOf } from '../checkpoints.ts';
import type { SessionTask } from '../context.ts';
import type { OutputHint } from '../message/intent.ts';
import { draftText, isExportable, readDraft, summarise } from '../session/draft.ts';
import { readState } from '../session/source.ts';
import type { Snapshot } from '../session/state.ts';
import { mustBeOwnTimeline } from '../session/whose-timeline.ts';
import { discarded, failed } from './render-state.ts';
import { Rendering } from './rendering.ts';
import { fetchResult, resultPath } from './result.ts';

export interface Exported {
  bytes: number;
  /** Absent if it was too large to be worth fetching. */
  path: string | undefined;
  timeline: Sentence;
  /** According to the service, seconds. */
  durationS: number | undefined;
}

export interface ExportRequest {
  /** Number of the export: 2 is the one after the follow-up on size. */
  n: number;
  /** The state as just read, if it was. */
  snapshot?: Snapshot | undefined;
  /** The agent's reply, for the error when there is nothing to render. */
  reply?: string;
  hint?: OutputHint;
  /** Anything larger is not fetched. */
  upTo?: number | undefined;
  /** A person rejected the delivered result by asking for another attempt: `order.retryCount` at that time. */
  rejectedAt?: number | undefined;
}

/** From the session's draft to a file on this disk. Free, and safe to repeat from whatever step a restart finds. */
export function exportDraft(task: SessionTask, request: ExportRequest): Promise<Exported> {
  return new DraftExport(task, request).run();
}

class DraftExport {
  readonly #task: SessionTask;
  readonly #request: ExportRequest;

  constructor(task: SessionTask, request: ExportRequest) {
    this.#task = task;
    this.#request = request;
  }

  async run(): Promise<Exported> {
    const { n, upTo, hint = {} } = this.#request;
    const draft = await this.#keepDraft();
    await this.#reconsiderRejected();
    for (let tries = 0; ; tries += 1) {
      const { id, status } = await new Rendering(this.#task, { n, draft, hint }).run();
      try {
        const { bytes, path } = await fetchResult(this.#task, { n, id, known: status, upTo });
        return { bytes, path, timeline: summarise(readDraft(draft)), durationS: status?.durationS };
      } catch (error) {
        if (tries > 0 || !(await this.#isLost(error))) throw error;
      }
    }
  }

  /** The text to render: recorded with its hash, so that a restart renders the same. */
  async #keepDraft(): Promise<string> {
    const { checkpoints, context, dir, session } = this.#task;
    const checkpoint = checkpoints.draft(this.#request.n);
    const stored = checkpoint.get();
    if (stored?.session === session.id) {
      const text = await readFile(join(dir, stored.file), 'utf8').catch(() => '');
      if (sha256(text) === stored.sha256) return text;
    }
    const snapshot = await this.#exportableState();
    mustBeOwnTimeline(this.#task, snapshot);
    const text = exportableText(snapshot);
    if (text === undefined) throw nothingToExport(snapshot, this.#request.reply ?? '');
    const file = `draft-${this.#request.n}.json`;
    await this.#write(join(dir, file), text);
    const summary = summarise(snapshot.reading).text;
    if (session.file !== undefined) await context.cloud({ draft: snapshot.draftHash });
    await checkpoint.set({ session: session.id, file, sha256: sha256(text), summary });
    return text;
  }

  /** The state may lag behind, or be garbled: one without a timeline is read again, which is free. */
  async #exportableState(): Promise<Snapshot> {
    const { cloud, context, session } = this.#task;
    const { signal } = context;
    let snapshot = this.#request.snapshot;
    for (let reads = 0; ; reads += 1) {
      snapshot ??= await readState(cloud, session, { signal });
      const isFinal = snapshot.reading.kind === 'foreign' || exportableText(snapshot) !== undefined;
      if (isFinal || reads >= MAX_REREADS) return snapshot;
      snapshot = undefined;
      await sleep(cloud.clock, cloud.settings.lagMs * 2 ** reads, signal);
    }
  }

  async #write(path: string, text: string): Promise<void> {
    try {
      await replaceDurably(path, text, { files: nodeFiles, log: this.#task.context.log, mode: 0o600 });
    } catch (error) {
      throw fileError(error, say('nemo.doing-keep-draft'), path);
    }
  }

  /**
   * A rejected result is fetched once more under its id: the transfer may have spoiled it. If the same comes again, or nothing does,
   * the render is at fault and another one is due, which is free.
   */
  async #reconsiderRejected(): Promise<void> {
    const { checkpoints, dir, context, order, session } = this.#task;
    const { n, rejectedAt, upTo } = this.#request;
    const checkpoint = checkpoints.render(n);
    const render = checkpoint.get();
    if (rejectedAt === undefined || render?.session !== session.id || render.phase !== 'completed') return;
    // A restart in the middle of this finds it decided, or finds both files.
    if (render.asked > rejectedAt) return;
    const rejected = join(dir, `rejected-${n}.mp4`);
    if (!existsSync(rejected)) await setAside(resultPath(this.#task, n), rejected);
    const again = await fetchResult(this.#task, { n, id: render.id, known: undefined, upTo }).catch(
      (error: unknown) => {
        if (!isShrinkError(error, 'bad-answer', 'render-failed')) throw error;
        return undefined;
      },
    );
    const isAtFault = again === undefined || (await isSame(again.path, rejected, context.signal));
    context.log.info(
      { render: render.id },
      isAtFault ? 'the same result again: rendering anew' : 'the result differs this time: it was spoiled on the way',
    );
    const retryCount = retryCountOf(order);
    await checkpoint.set(
      isAtFault ? discarded(render, say('nemo.render-rejected'), retryCount) : { ...render, asked: retryCount },
    );
    await rm(rejected, { force: true });
  }

  /** Whether the render itself is lost, so that another one is due; if so, its record says so. */
  async #isLost(error: unknown): Promise<boolean> {
    const { checkpoints, order } = this.#task;
    const checkpoint = checkpoints.render(this.#request.n);
    const render = checkpoint.get();
    if (!render || !isShrinkError(error)) return false;
    const retryCount = retryCountOf(order);
    // A result that the service withholds is requested once more after a person retries; then its render is given up.
    const isWithheld = error.code === 'bad-answer' && retryCount > render.asked;
    if (error.code !== 'render-failed' && !isWithheld) return false;
    const why = sentenceOf(error);
    await checkpoint.set(isWithheld ? discarded(render, why, retryCount) : failed(render, why));
    return true;
  }
}

/** Further readings of a state without a timeline, with doubling pauses. */
const MAX_REREADS = 4;

function exportableText({ reading, draft }: Snapshot): string | undefined {
  return isExportable(reading) ? draftText(draft) : undefined;
}

async function setAside(path: string, to: string): Promise<void> {
  try {
    if (existsSync(path)) await rename(path, to);
  } catch (error) {
    throw fileError(error, say('nemo.doing-set-aside'), path);
  }
}

async function isSame(path: string | undefined, other: string, signal: AbortSignal): Promise<boolean> {
  if (path === undefined || !existsSync(other)) return false;
  return (await sha256Of(path, nodeFiles, signal)) === (await sha256Of(other, nodeFiles, signal));
}

/** Why there is nothing to export; `said` is what the agent said. */
export function nothingToExport({ reading }: Pick<Snapshot, 'reading'>, said: string): ShrinkError {
  const reply = said.replace(/\s+/g, ' ').slice(0, 200);
  const isForeign = reading.kind === 'foreign';
  return new ShrinkError(
    'cannot-do',
    isForeign ? say('nemo.export-on-site-only', { reply }) : say('nemo.nothing-to-export', { reply }),
    {
      doing: say('nemo.doing-export'),
      hint: isForeign ? say('nemo.export-on-site-only-hint') : say('nemo.nothing-to-export-hint'),
    },
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
