/** The private folder of a worker: a folder for each film, never more than it may hold, and nothing left from before a start. */
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { freeBytes } from '../platform/files/space.ts';
import { makePrivateDir, nodeFiles } from '../platform/files/files.ts';

/** Left free on the disk, whatever the quota says. */
const MIN_FREE = 64_000_000;

export class Scratch {
  readonly #dir: string;
  readonly #maxBytes: number;
  /** By film: how many parts are being made, and when the last one was. */
  readonly #films = new Map<string, { busy: number; lastMs: number; reserved: number }>();

  constructor({ dir, maxBytes }: { dir: string; maxBytes: number }) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** Empties it: what a process that is gone left there belongs to leases that are lost. */
  async open(): Promise<void> {
    await makePrivateDir(this.#dir, { recursive: true });
    for (const name of await readdir(this.#dir)) {
      if (isFilm(name)) await rm(join(this.#dir, name), { recursive: true, force: true });
    }
  }

  /** Bytes a part may use now, reservations of parts under way taken off. */
  async free(): Promise<number> {
    const disk = (await freeBytes(this.#dir, nodeFiles)) - MIN_FREE;
    const reserved = [...this.#films.values()].reduce((sum, film) => sum + film.reserved, 0);
    return Math.max(0, Math.floor(Math.min(disk, this.#maxBytes - (await this.used())) - reserved));
  }

  async used(): Promise<number> {
    const films = await readdir(this.#dir).catch(() => []);
    const sizes = await Promise.all(films.filter(isFilm).map(name => bytesBelow(join(this.#dir, name))));
    return sizes.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The folder of a film, kept from being removed until the returned function is called. */
  async use(film: string, bytes: number, now: number): Promise<{ dir: string; release: () => void }> {
    const entry = this.#films.get(film) ?? { busy: 0, lastMs: now, reserved: 0 };
    entry.busy += 1;
    entry.reserved += bytes;
    entry.lastMs = now;
    this.#films.set(film, entry);
    const dir = this.#path(film);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      entry.busy -= 1;
      entry.reserved -= bytes;
    };
    return { dir, release };
  }

  /** Removes what belongs to no film the daemon still works on. */
  async keepOnly(films: ReadonlySet<string>): Promise<void> {
    for (const name of (await readdir(this.#dir).catch(() => [])).filter(isFilm)) {
      const film = name.slice(PREFIX.length);
      if (!films.has(film) && !this.#films.get(film)?.busy) await this.#drop(film);
    }
  }

  /** Removes the folders of films nothing is made of now, the longest unused first, until there is room. False if there is none. */
  async makeRoom(bytes: number): Promise<boolean> {
    const idle = [...this.#films].filter(([, { busy }]) => busy === 0).sort(([, a], [, b]) => a.lastMs - b.lastMs);
    for (const [film] of idle) {
      if ((await this.free()) >= bytes) return true;
      await this.#drop(film);
    }
    return (await this.free()) >= bytes;
  }

  async #drop(film: string): Promise<void> {
    this.#films.delete(film);
    await rm(this.#path(film), { recursive: true, force: true });
  }

  #path(film: string): string {
    return join(this.#dir, `${PREFIX}${film}`);
  }
}

const PREFIX = 'film-';
/** Nothing else is ever removed: a person may have named a folder that is in use. */
const isFilm = (name: string): boolean => /^film-[a-z0-9]{1,40}$/.test(name);

async function bytesBelow(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => []);
  const sizes = await Promise.all(
    names.map(name =>
      stat(join(dir, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
