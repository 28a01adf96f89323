/** What is kept of a plan in the state directory, so that it can be gone on with, confirmed and carried out. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { LibraryPlan, PlannedFilm } from './outcome.ts';

export class PlanStore {
  readonly #dir: string;

  /** @param key of `planKey` */
  constructor(stateDir: string, key: string) {
    this.#dir = join(stateDir, 'library', key);
  }

  async open(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await rm(this.#path('found'), { force: true });
  }

  #path(name: 'found' | 'looked' | 'films' | 'plan'): string {
    return join(this.#dir, `${name}.jsonl`);
  }

  async append(name: 'found' | 'looked', lines: readonly unknown[]): Promise<void> {
    if (lines.length === 0) return;
    await appendFile(this.#path(name), lines.map(line => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 });
  }

  async *read<T>(name: 'found' | 'looked' | 'films'): AsyncGenerator<T> {
    try {
      for await (const line of createInterface({ input: createReadStream(this.#path(name)) })) {
        try {
          yield JSON.parse(line) as T;
        } catch {
          // Cut off by a crash; it is looked at again.
        }
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  /** Writes the films of a finished plan, and then the plan itself: whoever reads one finds the other. */
  async finish(plan: LibraryPlan, films: AsyncIterable<PlannedFilm>): Promise<void> {
    await this.#write('films', films);
    await this.#write('plan', [plan]);
    await rm(this.#path('found'), { force: true });
  }

  async #write(name: 'films' | 'plan', lines: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> {
    const temp = `${this.#path(name)}.new`;
    const file = await open(temp, 'w', 0o600);
    try {
      let some = '';
      for await (const line of lines) {
        some += `${JSON.stringify(line)}\n`;
        if (some.length < 64_000) continue;
        await file.writeFile(some);
        some = '';
      }
      await file.writeFile(some);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temp, this.#path(name));
  }

  /** What was found out about each film stays for the next plan. */
  async drop(): Promise<void> {
    for (const name of ['plan', 'films'] as const) await rm(this.#path(name), { force: true });
  }

  /** The finished plan, if there is one. */
  async plan(): Promise<LibraryPlan | undefined> {
    try {
      return JSON.parse(await readFile(this.#path('plan'), 'utf8')) as LibraryPlan;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}

/** All finished plans of a state directory, by the key they are kept under; the newest first. */
export async function finishedPlans(stateDir: string): Promise<{ key: string; plan: LibraryPlan }[]> {
  const keys = await readdir(join(stateDir, 'library')).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found: { key: string; plan: LibraryPlan }[] = [];
  for (const key of keys) {
    const plan = await new PlanStore(stateDir, key).plan();
    if (plan) found.push({ key, plan });
  }
  return found.sort((a, b) => b.plan.made_at - a.plan.made_at);
}

/** @param of what a plan depends on: the library, the folder in it, the rules */
export function planKey(of: unknown): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 16);
}
