import { Volume } from 'memfs';
import { type Config, parseConfig } from '../../src/config/load.ts';
import { ConfigError, formatProblem } from '../../src/config/problems.ts';

/** Reads from a file system in memory that has these files; an Error stands for one that fails to be read. */
export function readFrom(files: Readonly<Record<string, string | Error>>) {
  return (path: string): string => {
    const failing = files[path];
    if (failing instanceof Error) throw failing;
    const texts = Object.entries(files).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    return Volume.fromJSON(Object.fromEntries(texts)).readFileSync(path, 'utf8') as string;
  };
}

export function errno(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}

export const HERE = { env: {}, cwd: '/srv', home: '/home/me' };

/** A file /srv/config.yaml with this text. */
export function parse(text: string, env: Record<string, string> = {}): Config {
  return parseConfig(text, { ...HERE, env, source: '/srv/config.yaml' });
}

/** What is wrong with it, as lines without the path of the file. */
export function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  return problemsIn(() => parse(text, env));
}

function problemsIn(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    return linesOf(error);
  }
  return [];
}

/** The same for a configuration that is looked for. */
export async function problemsOfLoading(loading: Promise<unknown>): Promise<string[]> {
  return loading.then(() => [], linesOf);
}

function linesOf(error: unknown): string[] {
  if (!(error instanceof ConfigError)) throw error;
  return error.problems.map(problem => formatProblem(problem).replace('/srv/config.yaml:', ''));
}
