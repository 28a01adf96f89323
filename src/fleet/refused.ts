/** What the daemon says no with, to its workers. */
import type { Refusal } from './leases.ts';

/** A refusal over HTTP: `status` says what the worker does about it. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const REFUSALS: Readonly<Record<Refusal, [number, string]>> = {
  gone: [410, 'this part is not wanted any more'],
  held: [423, 'another worker has this part'],
  'wrong-encoder': [412, 'the film was begun with another encoder'],
  'no-room': [507, 'the scratch folder has not enough room for this part'],
};

export function refusal(why: Refusal): Refused {
  const [status, text] = REFUSALS[why];
  return new Refused(status, why, text);
}
