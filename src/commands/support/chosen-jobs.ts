/** Which jobs a command is about: those with the given ids, or all that some options describe. */
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { JobView } from '../../api/types.ts';
import { ShrinkError } from '../../core/errors.ts';
import { isWithin } from '../../core/file-names.ts';
import { STATE_NAMES, type StateName } from '../../core/job.ts';
import type { Context } from './context.ts';

export interface Filter {
  state?: readonly StateName[];
  folder?: string;
  rule?: string;
  name?: string;
}

export function withState(command: Command): Command {
  const about = `only those in these states, separated by commas: ${STATE_NAMES.join(', ')}`;
  return withFilters(command.option('--state <state>', about, parseStates));
}

/** What a list of jobs can be narrowed to. */
export function withFilters(command: Command): Command {
  return command
    .option('--folder <dir>', 'only those of files in this folder or below it')
    .option('--rule <name>', 'only those of this rule')
    .option('--name <text>', 'only those with this in the path of their file, in upper or lower case');
}

/** Whether a job has everything that was asked for. */
export function fits({ state, folder, rule, name }: Filter, { io }: Pick<Context, 'io'>): (job: JobView) => boolean {
  const below = folder === undefined ? undefined : resolve(io.cwd, folder);
  const part = name?.toLowerCase();
  return job =>
    (state === undefined || state.includes(job.state)) &&
    (below === undefined || isWithin(below, job.source)) &&
    (rule === undefined || job.rule === rule) &&
    (part === undefined || job.source.toLowerCase().includes(part));
}

/** @throws ShrinkError `usage` where both ids and options were given, or neither */
export function mustChoose(ids: readonly string[], { all, ...filter }: Filter & { all?: true }): void {
  const isDescribed = all === true || Object.values(filter).some(value => value !== undefined);
  if (ids.length > 0 && isDescribed) throw new ShrinkError('usage', 'give ids, or say which jobs by options, not both');
  if (ids.length === 0 && !isDescribed)
    throw new ShrinkError('usage', 'say which jobs: ids, --all, or some of --state, --folder, --rule and --name');
}

function parseStates(written: string): StateName[] {
  return written.split(',').map(each => {
    const known = STATE_NAMES.find(name => name === each.trim());
    if (!known) throw new InvalidArgumentError(`States are: ${STATE_NAMES.join(', ')}.`);
    return known;
  });
}
