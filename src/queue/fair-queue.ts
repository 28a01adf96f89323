import type { Queue, QueueAddOptions } from 'p-queue';

type Task = () => Promise<unknown>;

export interface FolderTask extends QueueAddOptions {
  /** Whose turn the task takes. */
  folder?: string;
  /** Half done before a restart: it had its folder's turn then, and comes first. */
  resumes?: boolean;
}

interface Waiting {
  run: Task;
  id: string | undefined;
  folder: string;
  priority: number;
}

/** The keys of tasks that resume, and of those a person put first; no folder has them. */
const RESUMED = '\0';
const FIRST = '\0\0';

/**
 * What waits for a place in a PQueue. Folders take turns, so that one full of files, or of files that take long to refuse, never
 * holds up the others. Within a folder: the highest priority first, then who was added first. A priority above 0 goes before
 * the turns of all folders, and counts as one of its own.
 */
export class FairQueue implements Queue<Task, FolderTask> {
  /** In the order of their turns; none is empty. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** The number of each folder's last turn. */
  readonly #lastTurns = new Map<string, number>();
  #turns = 0;
  size = 0;

  enqueue(run: Task, { folder = '', resumes = false, priority = 0, id }: Partial<FolderTask> = {}): void {
    const task = { run, id, folder, priority };
    this.#insert(resumes ? RESUMED : lineOf(task), task);
  }

  dequeue(): Task | undefined {
    return this.#next()?.run;
  }

  filter({ priority }: Partial<FolderTask>): Task[] {
    return [...this.#waiting.values()].flat().flatMap(each => (each.priority === priority ? each.run : []));
  }

  setPriority(id: string, priority: number): void {
    for (const [key, line] of this.#waiting) {
      const at = line.findIndex(each => each.id === id);
      const task = at < 0 ? undefined : this.#take(key, line, at);
      if (task) return this.#insert(key === RESUMED ? RESUMED : lineOf({ ...task, priority }), { ...task, priority });
    }
  }

  /** Gives all tasks new priorities at once; those without an id keep theirs. */
  setPriorities(priorityOf: (id: string) => number): void {
    const tasks = [...this.#waiting].flatMap(([key, line]) => (key === RESUMED ? [] : line));
    const sorted = tasks
      .map(task => ({ ...task, priority: task.id === undefined ? task.priority : priorityOf(task.id) }))
      .sort((a, b) => b.priority - a.priority);
    for (const key of [...this.#waiting.keys()]) if (key !== RESUMED) this.#waiting.delete(key);
    this.size -= tasks.length;
    for (const task of sorted) this.#insert(lineOf(task), task);
  }

  /** The ids of all that wait, in the order they would get their places one at a time. */
  ids(): string[] {
    const copy = new FairQueue();
    for (const [key, line] of this.#waiting) copy.#waiting.set(key, [...line]);
    for (const [folder, turn] of this.#lastTurns) copy.#lastTurns.set(folder, turn);
    copy.#turns = this.#turns;
    const ids: string[] = [];
    for (let task = copy.#next(); task; task = copy.#next()) if (task.id !== undefined) ids.push(task.id);
    return ids;
  }

  #insert(key: string, task: Waiting): void {
    const line = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, line);
    const after = line.findLastIndex(each => each.priority >= task.priority);
    line.splice(after + 1, 0, task);
    this.size += 1;
  }

  #take(key: string, line: Waiting[], at: number): Waiting | undefined {
    const [task] = line.splice(at, 1);
    if (line.length === 0) this.#waiting.delete(key);
    this.size -= 1;
    return task;
  }

  #next(): Waiting | undefined {
    const key = this.#nextLine();
    const line = key === undefined ? undefined : this.#waiting.get(key);
    if (key === undefined || line === undefined) return undefined;
    const task = this.#take(key, line, 0);
    this.#turns += 1;
    if (task && key !== RESUMED) this.#lastTurns.set(task.folder, this.#turns);
    return task;
  }

  /** The folder whose last turn is longest ago; among those that had none yet, the one with the highest priority. */
  #nextLine(): string | undefined {
    for (const key of [RESUMED, FIRST]) if (this.#waiting.has(key)) return key;
    let next: { folder: string; last: number; priority: number } | undefined;
    for (const [folder, [head]] of this.#waiting) {
      const last = this.#lastTurns.get(folder) ?? 0;
      const priority = head?.priority ?? 0;
      const isBefore = !next || last < next.last || (last === next.last && priority > next.priority);
      if (isBefore) next = { folder, last, priority };
    }
    return next?.folder;
  }
}

function lineOf({ folder, priority }: Pick<Waiting, 'folder' | 'priority'>): string {
  return priority > 0 ? FIRST : folder;
}
