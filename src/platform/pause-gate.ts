/** Closed while local work should rest (quiet hours, `pause`): children are stopped (SIGSTOP), not ended, and no time limit of ours counts. */
export interface PauseGate {
  readonly closed: boolean;
  /** Calls back on every change until the returned function is called. */
  onChange(listener: (closed: boolean) => void): () => void;
}

/** A gate that is always open, for one-shot runs. */
export const OPEN_GATE: PauseGate = { closed: false, onChange: () => () => {} };
