/** Closed while local work should rest (quiet hours, `pause`): children are stopped with SIGSTOP, and their time limits stand still. */
export interface PauseGate {
  readonly closed: boolean;
  /** Calls back on every change until the returned function is called. */
  onChange(listener: (closed: boolean) => void): () => void;
}

/** A gate that is always open, for one-shot runs. */
export const OPEN_GATE: PauseGate = { closed: false, onChange: () => () => {} };
