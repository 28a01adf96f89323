/**
 * Two daemons with separate state directories on one inbox would each process every file. So each daemon announces the inboxes it
 * watches, and refuses one that another daemon already watches, or that contains or lies inside such an inbox.
 *
 * Linux only, and within one network namespace: the claims are abstract sockets. Nothing is written to anybody's folders.
 */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import { askName, type HeldName, holdName, namesHeld } from '../platform/abstract-socket.ts';
import type { Files } from '../platform/files/files.ts';

const PREFIX = 'shrinkbox-inbox-';

interface Claim {
  pid: number;
  stateDir: string;
  inbox: string;
  /** `dev:ino`: a bind mount gives one folder two paths. Empty if the folder is missing or does not answer. */
  identity: string;
}

export class InboxLock {
  readonly #stateDir: string;
  readonly #files: Files;
  readonly #platform: NodeJS.Platform;
  readonly #held = new Map<string, HeldName>();

  constructor(stateDir: string, files: Files, platform: NodeJS.Platform = process.platform) {
    this.#stateDir = stateDir;
    this.#files = files;
    this.#platform = platform;
  }

  /**
   * Claims these inboxes and releases all others.
   * @throws ShrinkError `locked` if another daemon watches one of them, or a folder around or inside one; then the claims are unchanged.
   */
  async claim(inboxes: readonly string[]): Promise<void> {
    if (this.#platform !== 'linux') return;
    const taken: string[] = [];
    try {
      for (const inbox of inboxes) if (!this.#held.has(inbox) && (await this.#take(inbox))) taken.push(inbox);
      // Our claims are visible by now: of two daemons starting at the same time, at least one sees the other.
      const others = await this.#others();
      for (const inbox of inboxes) {
        const why = whyRefused(await this.#claimOf(inbox), others);
        if (why) throw why;
      }
    } catch (error) {
      for (const inbox of taken) await this.#drop(inbox);
      throw error;
    }
    for (const inbox of [...this.#held.keys()]) if (!inboxes.includes(inbox)) await this.#drop(inbox);
  }

  /** Why `claim` would refuse these inboxes now, for whoever only asks. */
  async whyRefused(inboxes: readonly string[]): Promise<ShrinkError | undefined> {
    if (this.#platform !== 'linux') return undefined;
    const others = await this.#others();
    for (const inbox of inboxes) {
      const why = whyRefused(await this.#claimOf(inbox), others);
      if (why) return why;
    }
    return undefined;
  }

  async release(): Promise<void> {
    for (const inbox of [...this.#held.keys()]) await this.#drop(inbox);
  }

  async #take(inbox: string): Promise<boolean> {
    const claim = await this.#claimOf(inbox);
    // The name only has to be unique; the claim itself is sent to whoever connects.
    const name = createHash('sha256').update(`${claim.pid}:${this.#stateDir}:${inbox}`).digest('hex').slice(0, 32);
    const held = await holdName(`${PREFIX}${name}`, JSON.stringify(claim));
    if (held) this.#held.set(inbox, held);
    return held !== undefined;
  }

  async #drop(inbox: string): Promise<void> {
    await this.#held.get(inbox)?.release();
    this.#held.delete(inbox);
  }

  async #claimOf(inbox: string): Promise<Claim> {
    const found = await this.#files.stat(inbox).catch(() => undefined);
    // Resolved only if `stat` answered: on a share that hangs, `realpath` would never return.
    const path = found ? await realpath(inbox).catch(() => inbox) : inbox;
    const identity = found ? `${found.dev}:${found.ino}` : '';
    return { pid: process.pid, stateDir: this.#stateDir, inbox: path, identity };
  }

  async #others(): Promise<Claim[]> {
    const answers = await Promise.all((await namesHeld(PREFIX)).map(askName));
    return answers.flatMap(words => parse(words) ?? []).filter(({ stateDir }) => stateDir !== this.#stateDir);
  }
}

function whyRefused(ours: Claim, others: readonly Claim[]): ShrinkError | undefined {
  for (const other of others) {
    const same = ours.inbox === other.inbox || (ours.identity !== '' && ours.identity === other.identity);
    const within = isWithin(other.inbox, ours.inbox);
    if (!same && !within && !isWithin(ours.inbox, other.inbox)) continue;
    const relation = same ? '' : within ? `, which contains ${ours.inbox}` : `, which is inside ${ours.inbox}`;
    const which = same ? ours.inbox : `${other.inbox}${relation}`;
    return new ShrinkError(
      'locked',
      `another shrinkbox (pid ${other.pid}, state ${other.stateDir}) is already watching ${which}`,
      {
        doing: 'claiming the inboxes',
        subject: ours.inbox,
        hint: `Every file would be processed twice. Stop the other one (kill ${other.pid}, or systemctl stop), or remove the folder from one of the configurations.`,
      },
    );
  }
  return undefined;
}

/** Another process may have written anything at all. */
function parse(words: string | undefined): Claim | undefined {
  try {
    const said = JSON.parse(words ?? '') as Partial<Claim> | null;
    const { pid, stateDir, inbox, identity } = said ?? {};
    if (typeof pid !== 'number' || typeof stateDir !== 'string' || typeof inbox !== 'string') return undefined;
    if (typeof identity !== 'string') return undefined;
    return { pid, stateDir, inbox, identity };
  } catch {
    return undefined;
  }
}
