/** Facts about the machine that suites look at from outside. */
import { descendants } from '../../support/descendants.ts';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** Processes (not this one) whose command line has `text` in it, read from /proc. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(pid => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** All descendants of a process, by pid, with their command lines. */
export function descendantsOf(pid: number): { pid: number; command: string }[] {
  return descendants(pid).flatMap(child => {
    try {
      return { pid: child, command: readFileSync(`/proc/${child}/cmdline`, 'utf8').replaceAll('\0', ' ') };
    } catch {
      return []; // it ended meanwhile
    }
  });
}

/** What each thread of a process that hangs is at, and its children, from /proc and from gdb where that is installed. */
export function whereItStands(pid: number): string {
  const read = (file: string) => {
    try {
      return readFileSync(`/proc/${file}`, 'utf8').trim();
    } catch {
      return '?';
    }
  };
  const status = read(`${pid}/status`);
  const of = (keys: string) => status.match(new RegExp(`^(${keys}):.*$`, 'gm'))?.join(', ') ?? '?';
  const threads = (existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : []).map(
    thread => `${thread} ${read(`${pid}/task/${thread}/wchan`)} ${read(`${pid}/task/${thread}/syscall`)}`,
  );
  const args = ['-p', String(pid), '-batch', '-ex', 'thread apply all bt 30'];
  const { stdout } = spawnSync('gdb', args, { encoding: 'utf8', timeout: 60_000 });
  const frames = (stdout ?? '').split('\n').filter(line => /^(Thread|#)/.test(line));
  return [
    `${of('State|PPid|Threads|SigQ|SigPnd|ShdPnd')}; asked by ${process.pid}, ${read(`${process.pid}/status`)
      .match(/^(Sig|Shd).*$/gm)
      ?.join(', ')}`,
    ...threads,
    ...descendantsOf(pid).map(child => `child ${child.pid} ${child.command}`),
    ...frames,
  ].join('\n  ');
}

/** Why a case cannot be tried: programs that are not here. An object to be spread into the case. */
export function needs(...tools: string[]): { cannot?: string } {
  const path = (process.env['PATH'] ?? '').split(':');
  const missing = tools.filter(tool => !path.some(dir => existsSync(join(dir, tool))));
  return missing.length > 0 ? { cannot: `there is no ${missing.join(', no ')} here` } : {};
}
