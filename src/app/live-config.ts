import type { Config } from '../config/load.ts';
import { planReload, type ReloadPlan } from '../config/reload.ts';

type Listener = (config: Config) => Promise<void> | void;

/** The configuration the daemon works by. Read `current` whenever it is needed; keep a copy only of what needs a restart. */
export class LiveConfig {
  readonly #checks: Listener[] = [];
  readonly #listeners: Listener[] = [];
  #current: Config;

  constructor(config: Config) {
    this.#current = config;
  }

  get current(): Config {
    return this.#current;
  }

  /** A check may refuse a new configuration by throwing. */
  beforeChange(check: Listener): void {
    this.#checks.push(check);
  }

  /** Listeners are called one after the other, in the order they were added. */
  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /**
   * Works by another configuration from now on, but for the keys that need a restart. One call at a time.
   * @throws what a check throws; nothing has changed then.
   */
  async reload(next: Config): Promise<Pick<ReloadPlan, 'applied' | 'needsRestart'>> {
    const { effective, applied, needsRestart } = planReload(this.#current, next);
    for (const check of this.#checks) await check(effective);
    this.#current = effective;
    for (const listener of this.#listeners) await listener(effective);
    return { applied, needsRestart };
  }
}
