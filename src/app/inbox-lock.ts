/**
 * Two daemons with separate state directories on one inbox would each process every file. So each daemon announces the inboxes it
 * watches, and refuses one that another daemon already watches, or that contains or lies inside such an inbox.
 *
 * Linux only, and within one network namespace: the claims are abstract sockets. Nothing is written to anybody's folders, and no
 * file of an inbox's disk is kept open, which would keep it from being unmounted. Everybody can bind such names, so only claims
 * of our own user's processes and of root's are believed; others are a remark. (decision 16)
 *
 * Containers have networks of their own and see no names of each other, so there the folder itself is locked as well: its mount
 * is held by the container anyway.
 */
import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { ShrinkError } from '../core/errors.ts';
import { isWithin } from '../core/file-names.ts';
import type { Sentence } from '../core/message.ts';
import { askName, type HeldName, holdName, namesHeld, type SeenName } from '../platform/abstract-socket.ts';
import { say } from '../messages/say.ts';
import { isInContainer } from '../platform/container.ts';
import type { Files, OpenFile } from '../platform/files/files.ts';
import { flock } from '../platform/process/flock.ts';

const CLAIMING = say('app.claiming-inboxes');
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
  readonly #locksFolders: boolean;
  readonly #held = new Map<string, Held>();

  constructor(
    stateDir: string,
    files: Files,
    platform: NodeJS.Platform = process.platform,
    locksFolders: boolean = isInContainer(),
  ) {
    this.#stateDir = stateDir;
    this.#files = files;
    this.#platform = platform;
    this.#locksFolders = locksFolders;
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
      const why = await this.whyRefused(inboxes);
      if (why) throw why;
    } catch (error) {
      for (const inbox of taken) await this.#drop(inbox);
      throw error;
    }
    for (const inbox of [...this.#held.keys()]) if (!inboxes.includes(inbox)) await this.#drop(inbox);
  }

  /** Why `claim` would refuse these inboxes now, for whoever only asks. */
  async whyRefused(inboxes: readonly string[]): Promise<ShrinkError | undefined> {
    if (this.#platform !== 'linux') return undefined;
    const { believed } = await this.#others();
    for (const inbox of inboxes) {
      const ours = await this.#claimOf(inbox);
      const other = believed.find(each => relation(ours, each));
      if (other) return refusal(ours, other);
    }
    return undefined;
  }

  /** Claims on these inboxes that are not believed, as remarks. */
  async strangers(inboxes: readonly string[]): Promise<Sentence[]> {
    if (this.#platform !== 'linux') return [];
    const { unbelieved } = await this.#others();
    const ours = await Promise.all(inboxes.map(inbox => this.#claimOf(inbox)));
    return ours
      .filter(claim => unbelieved.some(each => relation(claim, each)))
      .map(({ inbox }) => say('app.inbox-stranger', { inbox }));
  }

  async release(): Promise<void> {
    for (const inbox of [...this.#held.keys()]) await this.#drop(inbox);
  }

  async #take(inbox: string): Promise<boolean> {
    const claim = await this.#claimOf(inbox);
    // The claim itself is sent to whoever connects. Nobody can guess the name and have it first.
    const name = await holdName(`${PREFIX}${randomBytes(16).toString('hex')}`, JSON.stringify(claim));
    const folder = this.#locksFolders && claim.identity !== '' ? await this.#lockFolder(inbox) : undefined;
    if (folder === 'taken') {
      await name?.release();
      // Whoever can be seen from here is named.
      throw (await this.whyRefused([inbox])) ?? refusedFolder(inbox);
    }
    if (!name && !folder) return false;
    this.#held.set(inbox, { name, folder });
    return true;
  }

  /** `undefined` where the file system has no locks, or the folder is not ours to read. */
  async #lockFolder(inbox: string): Promise<OpenFile | 'taken' | undefined> {
    const folder = await this.#files.open(inbox, 'r').catch(() => undefined);
    if (folder?.fd === undefined) return undefined;
    const isLocked = await flock(folder.fd, CLAIMING).catch(() => undefined);
    if (isLocked) return folder;
    await folder.close();
    return isLocked === false ? 'taken' : undefined;
  }

  async #drop(inbox: string): Promise<void> {
    const held = this.#held.get(inbox);
    this.#held.delete(inbox);
    await held?.name?.release();
    await held?.folder?.close();
  }

  async #claimOf(inbox: string): Promise<Claim> {
    const found = await this.#files.stat(inbox).catch(() => undefined);
    // Resolved only if `stat` answered: on a share that hangs, `realpath` would never return.
    const path = found ? await realpath(inbox).catch(() => inbox) : inbox;
    const identity = found ? `${found.dev}:${found.ino}` : '';
    return { pid: process.pid, stateDir: this.#stateDir, inbox: path, identity };
  }

  async #others(): Promise<{ believed: Claim[]; unbelieved: Claim[] }> {
    const names = await namesHeld(PREFIX);
    const strange = names.filter(({ isOurs }) => !isOurs).slice(0, MOST_STRANGERS);
    const [believed, unbelieved] = await Promise.all([names.filter(({ isOurs }) => isOurs), strange].map(claimsOf));
    const isOther = ({ stateDir }: Claim) => stateDir !== this.#stateDir;
    return { believed: believed?.filter(isOther) ?? [], unbelieved: unbelieved?.filter(isOther) ?? [] };
  }
}

interface Held {
  name: HeldName | undefined;
  /** Kept open: the lock is its. */
  folder: OpenFile | undefined;
}

function refusedFolder(inbox: string): ShrinkError {
  return new ShrinkError('locked', say('app.inbox-locked-unseen', { inbox }), {
    doing: CLAIMING,
    subject: inbox,
    hint: say('app.inbox-locked-unseen-hint'),
  });
}

/** Asked for a remark only, and each may keep us waiting. */
const MOST_STRANGERS = 16;

async function claimsOf(names: readonly SeenName[]): Promise<Claim[]> {
  const answers = await Promise.all(names.map(({ name }) => askName(name)));
  return answers.flatMap(words => parse(words) ?? []);
}

/** How the inbox of another claim relates to ours; `undefined` if they have nothing to do with each other. */
function relation(ours: Claim, other: Claim): 'same' | 'contains' | 'inside' | undefined {
  if (ours.inbox === other.inbox || (ours.identity !== '' && ours.identity === other.identity)) return 'same';
  if (isWithin(other.inbox, ours.inbox)) return 'contains';
  return isWithin(ours.inbox, other.inbox) ? 'inside' : undefined;
}

function refusal(ours: Claim, other: Claim): ShrinkError {
  const how = relation(ours, other);
  const { pid, stateDir: state, inbox: theirs } = other;
  const which = how === 'same' ? {} : { theirs, how: how ?? 'inside' };
  return new ShrinkError('locked', say('app.inbox-locked', { inbox: ours.inbox, pid, state, ...which }), {
    doing: CLAIMING,
    subject: ours.inbox,
    hint: say('app.inbox-locked-hint', { pid }),
  });
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
