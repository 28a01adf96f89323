/** What a worker makes of an order. The engine implements it (engine/fleet/maker.ts): a worker knows nothing of films. */
import type { PauseGate } from '../platform/pause-gate.ts';

export interface Maker {
  /** @throws ShrinkError `bad-request` for an order that is none, `tool-missing` if this machine would make another picture of it */
  read(order: unknown): MakeablePart;
}

export interface MakeablePart {
  film: string;
  /** Names what it is made from: a piece, or the whole film. */
  source: string;
  /** The most it takes on the scratch. */
  needsBytes: number;
  /** `file` is the result in `dir`, if there is one. @throws ShrinkError */
  make(request: MakeRequest): Promise<{ made: unknown; file: string | undefined }>;
}

export interface MakeRequest {
  /** Holds the source and takes everything that is made. */
  dir: string;
  source: string;
  signal: AbortSignal;
  gate: PauseGate;
  progress(fraction: number, fps: number, step: string): void;
}
