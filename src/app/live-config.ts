import type { Config } from '../config/load.ts';
import { planReload, type ReloadPlan } from '../config/reload.ts';

type Listener = (config: Config) => Promise<void> | void;

/** The daemon's current configuration. Read `current` whenever it is needed; keep a copy only of what needs a restart. */
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

  /** A check may reject a new configuration by throwing. */
  beforeChange(check: Listener): void {
    this.#checks.push(check);
  }

  /** Listeners are called one after another, in the order they were added. */
  onChange(listener: Listener): void {
    this.#listeners.push(listener);
  }

  /**
   * Switches to another configuration, except for the keys that need a restart. One call at a time.
   * @throws what a check throws; then nothing has changed.
   */
  async reload(next: Config): Promise<Pick<ReloadPlan, 'applied' | 'needsRestart'>> {
    const { effective, applied, needsRestart } = planReload(this.#current, next);
    for (const check of this.#checks) await check(effective);
    this.#current = effective;
    for (const listener of this.#listeners) await listener(effective);
    return { applied, needsRestart };
  }
}
