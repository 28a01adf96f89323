import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { text } from 'node:stream/consumers';
import { ShrinkError } from '../../core/errors.ts';
import type { Sentence } from '../../core/message.ts';
import { say } from '../../messages/say.ts';
import { findProgram } from './limits.ts';

/** Taking a free lock or being refused needs milliseconds. */
const FLOCK_MS = 20_000;

/**
 * flock(2), which Node has no call for. The lock belongs to the open file, not to the process that asked for it: `flock` of
 * util-linux or busybox gets the descriptor, takes the lock and ends. It is free again when our descriptor is closed, which
 * Node hands to no other child. `false` if another open file has it.
 *
 * @throws ShrinkError `config-invalid` where `flock` is missing, `io` where the file system has no such locks
 */
export async function flock(fd: number, doing: Sentence | string): Promise<boolean> {
  const program = (await findProgram('flock')) ?? (await findProgram('/usr/bin/flock'));
  if (!program) {
    throw new ShrinkError('config-invalid', say('child.flock-missing'), {
      doing,
      hint: say('child.flock-missing-hint'),
    });
  }
  const child = spawn(program, ['-n', '3'], { stdio: ['ignore', 'ignore', 'pipe', fd], env: {}, timeout: FLOCK_MS });
  // Of a child that cannot be started (no descriptor or process left) there is no output.
  const [[code], said] = await Promise.all([event(child, 'close'), child.stderr ? text(child.stderr) : '']).catch(
    (error: Error) => {
      throw new ShrinkError('io', say('child.flock-failed', { said: error.message }), { doing, cause: error });
    },
  );
  if (code === 0) return true;
  if (code === 1 && said === '') return false;
  throw new ShrinkError('io', say('child.flock-failed', { said: said.trim() || `exit code ${code ?? '-'}` }), {
    doing,
  });
}
