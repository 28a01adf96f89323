/** What the nemo engine offers to people by hand; `job` is a job's id. */
export interface CloudCommands {
  /** Sends words to where they belong: an answer, an edit, an export (the router). */
  ask(words: string, job?: string): Promise<CloudAnswer>;
  credits(): Promise<CloudAnswer>;
  timeline(job: string): Promise<CloudAnswer>;
  export(job: string): Promise<CloudAnswer>;
  /** `what` is a path or an address. */
  upload(what: string, job: string): Promise<CloudAnswer>;
}

/** The same answer for people and for `--json`; lines need not be safe. */
export interface CloudAnswer {
  lines: readonly string[];
  data: object;
}
