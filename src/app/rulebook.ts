import type { Config, Folder } from '../config/load.ts';
import type { Decision, EngineName, Job, Sighting } from '../core/job.ts';
import { NO_FOLDER_HINT, noFolder } from './folders.ts';
import { decide, type Looked } from '../rules/decide.ts';

/** The rules of the config, asked about a file. */
export interface Decider {
  /** For a new sighting; a refused path still learns which rule it would have had. */
  decide(sighting: Sighting, version: number, words?: string): Decision;
  /** For a job whose turn has come: the rules of today. `engine` stands in for the rule's own (fallback). */
  again(job: Job, engine?: EngineName): Decision;
  /** The same with every rule looked at on the way, for `explain`. */
  look(sighting: Sighting, version: number): { decision: Decision; looked: Looked[] };
}

export function createDecider(config: Config): Decider {
  const byName = new Map(config.rules.map(rule => [rule.name, rule]));
  const rulesOf = (folder: Folder) => folder.rules.flatMap(name => byName.get(name) ?? []);

  function look(
    sighting: Sighting,
    version: number,
    { words, engine }: { words?: string | undefined; engine?: EngineName | undefined } = {},
  ) {
    const folder = config.folders.find(({ inbox }) => inbox === sighting.inbox);
    const rules = folder ? rulesOf(folder) : [];
    return decide({
      sighting: {
        relative: sighting.relative,
        sizeBytes: sighting.pin.sizeBytes,
        sidecar: words === undefined ? sighting.sidecar : { path: 'what was asked', text: words },
      },
      rules: engine ? rules.map(rule => ({ ...rule, engine, fallback: 'none' as const })) : rules,
      defaults: { engine: config.engine },
      version,
    });
  }

  return {
    look,
    decide: (sighting, version, words) => look(sighting, version, { words }).decision,
    again: (job, engine) => {
      if (config.folders.some(({ inbox }) => inbox === job.inbox))
        return look(job, job.version, { words: job.words, engine }).decision;
      // Not skipped: that is for good, and a folder may be put back.
      const of = job.decision.kind === 'skip' ? config : job.decision;
      const rule = job.decision.rule ?? '';
      return { kind: 'hold', rule, engine: of.engine, reason: noFolder(job.inbox), hint: NO_FOLDER_HINT };
    },
  };
}
