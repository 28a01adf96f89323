import { allFolders, rulesOf } from '../config/libraries.ts';
import type { Config } from '../config/load.ts';
import { type Decision, type EngineName, type Job, nameVersionOf, type Sighting } from '../core/job.ts';
import { messageOf } from '../core/message.ts';
import { decide, type CheckedRule } from '../rules/decide.ts';
import { FOLDER_REMOVED_HINT, folderRemoved } from './folders.ts';

interface DecideOptions {
  /** Replaces the instruction file beside the video. */
  words?: string | undefined;
  /** Replaces the rule's own engine (fallback). */
  engine?: EngineName | undefined;
}

/** The rules of the current configuration, applied to a file. */
export class Rulebook {
  readonly #live: { readonly current: Config };
  readonly #isCommandLine: boolean;

  constructor(live: { readonly current: Config }, { isCommandLine = false } = {}) {
    this.#live = live;
    this.#isCommandLine = isCommandLine;
  }

  /** For a file that was just found; a refused path still gets the rule it would have had, for its report. */
  decide(sighting: Sighting, version: number, words?: string): Decision {
    return this.#look(sighting, version, { words }).decision;
  }

  /** For a job whose turn has come: the rules may have changed since it was queued. */
  decideAgain(job: Job, engine?: EngineName): Decision {
    const config = this.#live.current;
    if (allFolders(config).some(({ inbox }) => inbox === job.inbox))
      return this.#look(job, nameVersionOf(job), { words: job.words, engine }).decision;
    // Not skipped: skipping is final, and a folder may come back.
    const of = job.decision.kind === 'skip' ? config : job.decision;
    const rule = job.decision.rule ?? '';
    const [reason, hint] = [folderRemoved(job.inbox), FOLDER_REMOVED_HINT];
    const messages = { reason: messageOf(reason), hint: messageOf(hint) };
    return { kind: 'hold', rule, engine: of.engine, reason: reason.text, hint: hint.text, messages };
  }

  /** What `decide` returns, with every rule considered on the way; for `explain`. */
  trace(sighting: Sighting, version: number): { decision: Decision; checked: CheckedRule[] } {
    return this.#look(sighting, version, {});
  }

  #look(sighting: Sighting, version: number, { words, engine }: DecideOptions) {
    const config = this.#live.current;
    const folder = allFolders(config).find(({ inbox }) => inbox === sighting.inbox);
    const rules = rulesOf(folder, config);
    return decide({
      sighting: {
        relative: sighting.relative,
        sizeBytes: sighting.pin.sizeBytes,
        sidecar: sighting.sidecar,
      },
      request: words,
      rules: engine ? rules.map(rule => ({ ...rule, engine, fallback: 'none' as const })) : rules,
      defaults: { engine: folder?.library ? 'local' : config.engine },
      isCommandLine: this.#isCommandLine,
      version,
    });
  }
}
