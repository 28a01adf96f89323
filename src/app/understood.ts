/** What words would do to a file, as the rules read them: for somebody who is still typing. */
import type { Understood, WordsAsked } from '../api/types.ts';
import type { Config } from '../config/load.ts';
import type { Decision, Sighting } from '../core/job.ts';
import { messageOf } from '../core/message.ts';
import { formatResolution, type Target } from '../core/target.ts';
import { say } from '../messages/say.ts';
import type { Ledger } from '../queue/ledger.ts';
import { targetSentence } from '../rules/decide.ts';
import { parseInstruction } from '../rules/instruction/parse.ts';
import type { Rulebook } from './rulebook.ts';

interface UnderstoodContext {
  rulebook: Pick<Rulebook, 'decide'>;
  ledger: Pick<Ledger, 'find'>;
  live: { readonly current: Config };
}

/** A usual film of a phone, where nobody says which file it is. */
const SOME_FILE = { name: 'video.mp4', bytes: 200e6 };

/** `undefined` if there is no such job or inbox. Reads no file. */
export function understand(asked: WordsAsked, { rulebook, ledger, live }: UnderstoodContext): Understood | undefined {
  const job = asked.job === undefined ? undefined : ledger.find(asked.job);
  const inbox = job?.inbox ?? asked.inbox ?? live.current.folders[0]?.inbox;
  const isKnown = job !== undefined || live.current.folders.some(folder => folder.inbox === inbox);
  if (inbox === undefined || !isKnown || (asked.job !== undefined && !job)) return undefined;
  const relative = job?.relative ?? asked.name ?? SOME_FILE.name;
  const sizeBytes = job?.pin.sizeBytes ?? asked.bytes ?? SOME_FILE.bytes;
  const pin = { dev: '', ino: '', sizeBytes, mtimeNs: '0', ctimeNs: '0' };
  const sighting: Sighting = { inbox, path: `${inbox}/${relative}`, relative, pin };
  return viewOf(rulebook.decide(sighting, 1, asked.words), parseInstruction(asked.words, sizeBytes).notUnderstood);
}

function viewOf(decision: Decision, notUnderstood: readonly string[]): Understood {
  const engine = decision.kind === 'skip' ? null : decision.engine;
  const unknown = { not_understood: [...notUnderstood], engine };
  if (decision.kind !== 'do') {
    const { reason: text, messages } = decision;
    return { ...unknown, understood: false, text, message: messages?.reason, target: null };
  }
  const isPassedOn = notUnderstood.length > 0;
  const said = isPassedOn ? say('app.words-passed-on') : targetSentence(decision.target);
  const target = isPassedOn ? null : targetView(decision.target);
  return { ...unknown, understood: !isPassedOn, text: said.text, message: messageOf(said), target };
}

function targetView({ size, resolution, fps, audio, codec }: Target): NonNullable<Understood['target']> {
  return {
    max_bytes: size?.kind === 'bytes' ? size.bytes : null,
    share: size?.kind === 'share' ? size.share : null,
    bits_per_second: size?.kind === 'rate' ? size.bitsPerSecond : null,
    resolution: resolution ? formatResolution(resolution) : null,
    fps: fps ?? null,
    audio: audio.kind,
    codec: codec ?? null,
  };
}
