import { isShrinkError, sentenceOf, type ShrinkError } from '../../core/errors.ts';
import type { Decision, Pin, WorkDecision } from '../../core/job.ts';
import { messageOf } from '../../core/message.ts';
import type { Engine, FilmFacts, SampledFilm } from '../../engine/engine.ts';
import type { WriterProbe } from '../../inbox/open-files.ts';
import { say } from '../../messages/say.ts';
import { type HeldFile, openBelow } from '../../platform/files/door.ts';
import { holding } from '../../platform/files/entry.ts';
import { fileError } from '../../platform/files/file-error.ts';
import type { Files } from '../../platform/files/files.ts';
import { tagOf } from '../tag.ts';
import type { Left, LeftAlone } from './look.ts';

/** What a film is looked at with. */
export interface Eyes {
  library: string;
  files: Files;
  decide(film: { relative: string; pin: Pin }): Decision;
  /** What the journal says against it: it was brought back, or tried before. */
  known(film: { relative: string; pin: Pick<Pin, 'sizeBytes' | 'mtimeNs'> }): LeftAlone | undefined;
  engine: Pick<Engine, 'forecast'>;
  users: WriterProbe;
}

export interface Worthwhile {
  /** About what comes out. */
  bytes: number;
  seconds: number;
  film: FilmFacts;
  sampled?: SampledFilm;
}

/** Whether anybody has it open, it was done before, and a rule takes it: looked at once more when its turn comes. */
export async function mayBeDone(
  relative: string,
  file: HeldFile,
  { decide, known, users }: Pick<Eyes, 'decide' | 'known' | 'users'>,
): Promise<LeftAlone | { decision: WorkDecision }> {
  const { pin, path } = file;
  const before = known({ relative, pin });
  if (before) return before;
  if (await tagOf(file)) return { left: 'done-before', why: say('library.left-done') };
  const user = users([{ path, dev: pin.dev, ino: pin.ino }]).get(`${pin.dev}:${pin.ino}`);
  if (user) return { left: 'open', why: say('library.left-open', { program: user.command }) };
  const decision = decide({ relative, pin });
  if (decision.kind === 'do') return { decision };
  const message = decision.messages?.reason;
  return {
    left: 'no-rule',
    why: { ...(message ?? say('library.left-unreadable', { why: '' })), text: decision.reason },
  };
}

/** What would come of a film. It is only read. @throws what `signal` aborts with */
export async function inspect(
  relative: string,
  eyes: Eyes,
  { signal, like }: { signal: AbortSignal; like(film: FilmFacts): SampledFilm | undefined },
): Promise<LeftAlone | Worthwhile> {
  const { library, files, engine } = eyes;
  const path = `${library}/${relative}`;
  try {
    return await holding(openBelow(library, relative.split('/'), files), async file => {
      const may = await mayBeDone(relative, file, eyes);
      if ('left' in may) return may;
      const order = { job: 'plan', source: path, sourceBytes: file.pin.sizeBytes, target: may.decision.target };
      const forecast = await engine.forecast?.(order, file, { signal, like });
      if (!forecast) throw new Error('this engine makes no forecasts');
      if (forecast.kind === 'leave') return { left: forecast.code, why: forecast.why };
      const { bytes, seconds, film, sampled } = forecast;
      return { bytes, seconds, film, ...(sampled && { sampled }) };
    });
  } catch (error) {
    signal.throwIfAborted();
    const known = isShrinkError(error) ? error : fileError(error, say('files.opening', { path }), path);
    return { left: leftFor(known), why: sentenceOf(known) };
  }
}

function leftFor(error: ShrinkError): Left {
  if (messageOf(sentenceOf(error))?.code === 'media.copy-protected') return 'protected';
  const isAboutFile = isShrinkError(
    error,
    ...([
      'not-media',
      'no-video',
      'unsafe-media',
      'incomplete-media',
      'child-failed',
      'timed-out',
      'cannot-do',
    ] as const),
  );
  return isAboutFile ? 'damaged' : 'unreadable';
}
