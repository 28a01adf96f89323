/**
 * What the daemon remembers of its fleet, in `state_dir/fleet/`: who it is (`cluster.json`), and one file for each worker that was
 * invited. Read anew whenever it is asked, so that `shrinkbox fleet revoke` works while the daemon runs. Files of mode 0600.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chown, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { WORKER_NAME } from '../core/lease.ts';
import { KeyedMutex } from '../platform/async.ts';
import { replaceDurably } from '../platform/files/durable.ts';
import { errnoOf, makePrivateDir, nodeFiles } from '../platform/files/files.ts';
import type { Logger } from '../platform/log.ts';
import { type KeyAndCertificate, makeCertificate } from './certificate.ts';
import { isSameText } from './protocol.ts';

const CLUSTER = z.object({ id: z.string(), key: z.string(), tls: z.object({ key: z.string(), cert: z.string() }) });

export interface Cluster {
  /** Names the prefix in Redis; no secret. */
  id: string;
  /** Signs leases. */
  key: Buffer;
  tls: KeyAndCertificate;
}

const WORKER = z.object({
  name: z.string(),
  /** Hashes: of the code it may join with until then (epoch ms), and of its token once it has. With both, it may ask for that again. */
  code: z.object({ hash: z.string(), until: z.number() }).optional(),
  token: z.string().optional(),
  /** Its password in Redis. */
  password: z.string(),
  /** A person sent it away. */
  benched: z.boolean().optional(),
});
export type RosterEntry = z.infer<typeof WORKER>;

export interface Joined {
  name: string;
  token: string;
}

/** How long an invitation is good for. */
const INVITED_MS = 24 * 60 * 60_000;

export class Roster {
  readonly #stateDir: string;
  readonly #dir: string;
  readonly #log: Logger;
  /** Of two that join by one name at once, one is let in. */
  readonly #joining = new KeyedMutex();

  constructor(stateDir: string, log: Logger) {
    this.#stateDir = stateDir;
    this.#dir = join(stateDir, 'fleet');
    this.#log = log;
  }

  /** Made with the first call, and kept. */
  async cluster(commonName: string): Promise<Cluster> {
    const path = join(this.#dir, 'cluster.json');
    const before = await readJson(path, CLUSTER);
    if (before) return { ...before, key: Buffer.from(before.key, 'base64url') };
    await this.#prepare();
    const key = randomBytes(32);
    const made = {
      id: randomBytes(5).toString('hex'),
      key: key.toString('base64url'),
      tls: makeCertificate(commonName),
    };
    await this.#write(path, made);
    return { ...made, key };
  }

  /** Its id, if there was a first call; `undefined` also where this user may not look. */
  async clusterId(): Promise<string | undefined> {
    const found = await readJson(join(this.#dir, 'cluster.json'), CLUSTER).catch(() => undefined);
    return found?.id;
  }

  /** The code with which the worker may join once. Another invitation of the same name replaces worker and token. */
  async invite(name: string, now: number): Promise<string> {
    await this.#prepare();
    const code = tokenFor(name);
    const entry = {
      name,
      code: { hash: hashOf(code), until: now + INVITED_MS },
      password: randomBytes(24).toString('hex'),
    };
    await this.#write(this.#path(name), entry);
    return code;
  }

  /**
   * The token for a code, which is used up; `undefined` if it is not, or not any more, good for one.
   * @param own the token the worker would have: with it, the same worker may use the code again
   */
  async redeem(code: string, now: number, own?: string): Promise<Joined | undefined> {
    return this.#joining.run(nameIn(code), async () => {
      const entry = await this.get(nameIn(code));
      if (!entry?.code || entry.code.until < now || !isSameText(entry.code.hash, hashOf(code))) return undefined;
      return entry.token === undefined ? this.#admit(entry, own) : again(entry, own);
    });
  }

  /** Lets a worker in that showed the fleet's own token. A name that is taken stays with whoever has it. */
  async admit(name: string, own?: string): Promise<Joined | undefined> {
    await this.#prepare();
    return this.#joining.run(name, async () => {
      const entry = await this.get(name);
      return entry ? again(entry, own) : this.#admit({ name, password: randomBytes(24).toString('hex') }, own);
    });
  }

  async #admit({ code, ...entry }: RosterEntry, own: string | undefined): Promise<Joined | undefined> {
    const { name } = entry;
    if (own !== undefined && nameIn(own) !== name) return undefined;
    const token = own ?? tokenFor(name);
    await this.#write(this.#path(name), { ...entry, ...(own && { code }), token: hashOf(token) });
    return { name, token };
  }

  /** Whose token it is. */
  async whose(token: string): Promise<RosterEntry | undefined> {
    const entry = await this.get(nameIn(token));
    return entry?.token !== undefined && isSameText(entry.token, hashOf(token)) ? entry : undefined;
  }

  async get(name: string): Promise<RosterEntry | undefined> {
    return WORKER_NAME.test(name) ? await readJson(this.#path(name), WORKER) : undefined;
  }

  async all(): Promise<RosterEntry[]> {
    const names = await readdir(join(this.#dir, 'workers')).catch(() => []);
    const found = await Promise.all(
      names.filter(name => name.endsWith('.json')).map(name => this.get(name.slice(0, -'.json'.length))),
    );
    return found.filter(entry => entry !== undefined).sort((a, b) => a.name.localeCompare(b.name));
  }

  /** False if there is no such worker. */
  async revoke(name: string): Promise<boolean> {
    if (!(await this.get(name))) return false;
    await unlink(this.#path(name));
    return true;
  }

  /** False if there is no such worker. */
  async bench(name: string, benched: boolean): Promise<boolean> {
    const entry = await this.get(name);
    if (!entry) return false;
    await this.#write(this.#path(name), { ...entry, benched });
    return true;
  }

  #path(name: string): string {
    return join(this.#dir, 'workers', `${name}.json`);
  }

  async #prepare(): Promise<void> {
    const workers = join(this.#dir, 'workers');
    await makePrivateDir(workers, { recursive: true });
    for (const made of [this.#dir, workers]) await this.#giveAway(made);
  }

  async #write(path: string, content: object): Promise<void> {
    await replaceDurably(path, `${JSON.stringify(content)}\n`, { files: nodeFiles, log: this.#log, mode: 0o600 });
    await this.#giveAway(path);
  }

  /** What root makes (`sudo shrinkbox fleet invite`) the daemon could not read. */
  async #giveAway(path: string): Promise<void> {
    if (process.geteuid?.() !== 0) return;
    const { uid, gid } = await stat(this.#stateDir);
    await chown(path, uid, gid);
  }
}

/** Where a worker finds its daemon, and what it shows there; one line for a person to carry over. */
export interface Ticket {
  url: string;
  /** Absent where the certificate is one that anybody can check. */
  pin?: string;
  secret: string;
  /** What is shown is an invitation, to be exchanged for a token. */
  isInvitation: boolean;
  /** The token it is being exchanged for, once it was asked for. */
  own?: string;
}

export function writeTicket({ url, pin, secret, isInvitation, own }: Ticket): string {
  return `${url}/#${pin ?? ''}${isInvitation ? '!' : '.'}${secret}${own === undefined ? '' : `~${own}`}`;
}

/** @param daemon the address of the configuration, which wins; it may name a pin after a # */
export function readTicket(line: string, daemon?: string): Ticket | undefined {
  const [, address, pin, mark, shown, own] = TICKET.exec(line.trim()) ?? [];
  const [url, pinned] = (daemon ?? address ?? '').split('#');
  const word = shown ?? line.trim();
  if (!url || !/^[\w.-]{16,}$/.test(word)) return undefined;
  const known = pinned || pin;
  // The token of the whole fleet names nobody.
  const isInvitation = mark === undefined ? !word.includes('.') : mark === '!';
  return {
    url: url.replace(/\/$/, ''),
    ...(known && { pin: known }),
    secret: word,
    isInvitation,
    ...(own !== undefined && { own }),
  };
}

const TICKET = /^(https:\/\/[^/#\s]+)\/#([\w-]*)([.!])([\w.-]+)(?:~([\w.-]+))?$/;

/** A worker's ticket with the token it asks for, to be kept before it asks. @param name by which it joins with the fleet's own token */
export function asking(ticket: Ticket, name: string): Ticket & { own: string } {
  const called = nameIn(ticket.secret) || name;
  const { own } = ticket;
  return { ...ticket, own: own !== undefined && nameIn(own) === called ? own : tokenFor(called) };
}

/** Of one that has joined with the same token before, and did not hear the answer. */
function again({ name, token }: RosterEntry, own: string | undefined): Joined | undefined {
  const isSame = own !== undefined && token !== undefined && isSameText(token, hashOf(own));
  return isSame ? { name, token: own } : undefined;
}

/** With the name before it, so that nobody has to look through all of them. */
const tokenFor = (name: string): string => `${name}.${randomBytes(32).toString('base64url')}`;
const nameIn = (shown: string): string => shown.slice(0, Math.max(0, shown.indexOf('.')));
const hashOf = (shown: string): string => createHash('sha256').update(shown).digest('base64url');

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  return schema.parse(JSON.parse(text));
}
