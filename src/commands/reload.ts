import { isShrinkError } from '../core/errors.ts';
import type { Daemon } from '../app/daemon.ts';
import type { Logger } from '../platform/log.ts';
import type { Notifier } from '../platform/systemd.ts';
import type { Context } from './support/context.ts';
import { tell } from './support/error-output.ts';
import type { StatusLine } from '../app/watchdog.ts';

/** One reload at a time; what is asked for meanwhile, or before the start is over, is done once after it. */
export class Reloads {
  #reload: (() => Promise<void>) | undefined;
  #asked = false;
  #working: Promise<void> | undefined;

  ask(): void {
    this.#asked = true;
    if (this.#reload) this.#working ??= this.#work(this.#reload);
  }

  start(reload: () => Promise<void>): void {
    this.#reload = reload;
    if (this.#asked) this.ask();
  }

  /** No more of them; resolves when the one under way is over. */
  async stop(): Promise<void> {
    this.#reload = undefined;
    await this.#working;
  }

  async #work(reload: () => Promise<void>): Promise<void> {
    while (this.#asked && this.#reload) {
      this.#asked = false;
      await reload();
    }
    this.#working = undefined;
  }
}

/** SIGHUP: the configuration is read again. A bad one changes nothing; what is wrong with it is logged, line by line. */
export async function reload(
  context: Context,
  daemon: Daemon,
  notifier: Notifier,
  status: StatusLine,
  log: Logger,
): Promise<void> {
  notifier.reloading();
  try {
    const config = await context.loadConfig();
    const { applied, needsRestart } = await daemon.reload(config);
    log.info(
      { applied },
      applied.length > 0
        ? `configuration read again: ${applied.join(', ')} changed`
        : 'configuration read again: nothing changed',
    );
    if (needsRestart.length > 0) {
      log.warn({ keys: needsRestart }, `needs a restart to take effect: ${needsRestart.join(', ')}`);
    }
    status.remark(needsRestart.length > 0 ? `restart needed for ${needsRestart.join(', ')}` : '');
  } catch (error) {
    if (!isShrinkError(error)) throw error;
    for (const line of tell(error)) log.error(line);
    log.error('the new configuration is not used; the one before goes on');
    status.remark('the new configuration has mistakes and is not used, see the log');
  }
  notifier.ready();
}
