/** The built program with one library and its archive, on whatever disks a test has put them. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { JobView, LibraryView } from '../../src/api/types.ts';
import { Box, type BoxOptions, listing } from './box.ts';
import { eventually } from './eventually.ts';

const PATIENCE_MS = 240_000;

export class LibraryBox extends Box {
  readonly videos: string;
  readonly archive: string;
  readonly #hashes = new Map<string, string>();

  /** @param places below the folder of the box */
  constructor({
    videos = 'videos',
    archive = 'originals',
    ...options
  }: BoxOptions & { videos?: string; archive?: string } = {}) {
    super(options);
    this.videos = join(this.dir, videos);
    this.archive = join(this.dir, archive);
    for (const dir of [this.videos, this.archive]) mkdirSync(dir, { recursive: true });
    this.configure({
      folders: [{ library: this.videos, archive: this.archive, min_age: '0s' }],
      rules: [{ name: 'films' }],
    });
  }

  /** Films with more bytes than they need; each has a date of its own. */
  async addFilms(...names: string[]): Promise<void> {
    const made = join(this.dir, 'film.mp4');
    const source = ['-f', 'lavfi', '-i', 'testsrc2=size=160x120:rate=10:duration=1'];
    if (!existsSync(made)) await ffmpeg(...source, '-c:v', 'libx264', '-crf', '5', made);
    for (const [n, name] of names.entries()) {
      const path = join(this.videos, name);
      mkdirSync(dirname(path), { recursive: true });
      if (name.endsWith('.mp4')) copyFileSync(made, path);
      else await ffmpeg('-i', made, '-c', 'copy', path);
      utimesSync(path, 1_500_000_000, 1_500_000_000 + n);
      this.#hashes.set(name, hashOf(path));
    }
  }

  /** Every film has its place as it was, or its result has and the original is in the archive. */
  unsafe(): string[] {
    const isAs = (path: string, hash: string) => existsSync(path) && hashOf(path) === hash;
    return [...this.#hashes].flatMap(([name, hash]) => {
      if (isAs(join(this.videos, name), hash)) return [];
      const result = join(this.videos, name.replace(/\.[^.]+$/, '.mp4'));
      return existsSync(result) && isAs(join(this.archive, name), hash) ? [] : name;
    });
  }

  /** Those whose bytes are not what they were. */
  changed(): string[] {
    return [...this.#hashes].flatMap(([name, hash]) => {
      const path = join(this.videos, name);
      return existsSync(path) && hashOf(path) === hash ? [] : name;
    });
  }

  async view(): Promise<LibraryView> {
    const [view] = await this.get<LibraryView[]>('/api/library');
    if (!view) throw new Error('there is no library');
    return view;
  }

  async plan(): Promise<NonNullable<LibraryView['plan']>> {
    const folder = encodeURIComponent(this.videos);
    await this.post(`/api/library/plan?folder=${folder}`);
    const planned = async () => {
      const { state, plan, reason } = await this.view();
      if (state === 'planning' || !plan) throw new Error(`${state}: ${reason}`);
      return plan;
    };
    return eventually(planned, { what: 'the plan', withinMs: PATIENCE_MS });
  }

  async begin(plan?: string): Promise<void> {
    const query = new URLSearchParams({ folder: this.videos, ...(plan !== undefined && { plan }) });
    await this.post(`/api/library/start?${query.toString()}`);
  }

  /** All films of the plan had their turn. */
  async finished(): Promise<LibraryView> {
    const look = async () => {
      const view = await this.view();
      if (view.state === 'running' || view.now !== null) throw new Error(JSON.stringify(view));
      return view;
    };
    return eventually(look, { what: 'the library to be done', withinMs: PATIENCE_MS, everyMs: 200 });
  }

  async jobOf(name: string, ...states: JobView['state'][]): Promise<JobView> {
    const look = async () => {
      const job = (await this.jobs()).find(({ source }) => source === join(this.videos, name));
      if (!job || !states.includes(job.state)) throw new Error(`${name} is ${job?.state}: ${job?.reason}`);
      return job;
    };
    return eventually(look, { what: `${name} to be ${states.join(' or ')}`, withinMs: PATIENCE_MS });
  }

  async restoreAll(): Promise<void> {
    const { code, stderr } = await this.run('restore', '--all');
    if (code !== 0) throw new Error(stderr);
  }

  seen(): string[] {
    return listing(this.videos);
  }

  archived(): string[] {
    return listing(this.archive);
  }

  removeFilm(name: string): void {
    rmSync(join(this.videos, name));
    this.#hashes.delete(name);
  }
}

async function ffmpeg(...args: string[]): Promise<void> {
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...args]);
}

export function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
