/** Which films of a library are looked at closely: all of a few, the largest of many and some of the others. Memory stays bounded. */

export interface Candidate {
  relative: string;
  bytes: number;
  mtimeNs: string;
}

/** Films that are looked at one by one: a program is started for each. */
export const LOOKED_AT = 2_000;

export class Candidates {
  readonly #most: number;
  readonly #random: () => number;
  /** The largest, as a heap with the smallest of them first. */
  readonly #largest: Candidate[] = [];
  /** Of all others, each with the same chance. */
  readonly #some: Candidate[] = [];
  #others = { files: 0, bytes: 0 };

  constructor({ most = LOOKED_AT, random = Math.random }: { most?: number; random?: () => number } = {}) {
    this.#most = most;
    this.#random = random;
  }

  /** All that were not among the largest, those that were chosen included. */
  get others(): { files: number; bytes: number } {
    return this.#others;
  }

  add(candidate: Candidate): void {
    const half = Math.ceil(this.#most / 2);
    if (this.#largest.length < half) return this.#push(candidate);
    const [smallest] = this.#largest;
    if (!smallest || candidate.bytes <= smallest.bytes) return this.#addOther(candidate);
    this.#replaceSmallest(candidate);
    this.#addOther(smallest);
  }

  /** Largest first. */
  chosen(): { largest: Candidate[]; some: Candidate[] } {
    const bySize = (a: Candidate, b: Candidate) => b.bytes - a.bytes;
    return { largest: this.#largest.toSorted(bySize), some: this.#some.toSorted(bySize) };
  }

  /** Reservoir sampling. */
  #addOther(candidate: Candidate): void {
    this.#others = { files: this.#others.files + 1, bytes: this.#others.bytes + candidate.bytes };
    const room = Math.floor(this.#most / 2);
    if (this.#some.length < room) return void this.#some.push(candidate);
    const at = Math.floor(this.#random() * this.#others.files);
    if (at < room) this.#some[at] = candidate;
  }

  #push(candidate: Candidate): void {
    const heap = this.#largest;
    heap.push(candidate);
    for (let at = heap.length - 1; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!this.#swapIfSmaller(at, above)) return;
      at = above;
    }
  }

  #replaceSmallest(candidate: Candidate): void {
    const heap = this.#largest;
    heap[0] = candidate;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const bytesAt = (index: number) => heap[index]?.bytes ?? Number.POSITIVE_INFINITY;
      const smaller = bytesAt(left) <= bytesAt(right) ? left : right;
      if (!this.#swapIfSmaller(smaller, at)) return;
      at = smaller;
    }
  }

  #swapIfSmaller(below: number, above: number): boolean {
    const [low, high] = [this.#largest[below], this.#largest[above]];
    if (!low || !high || low.bytes >= high.bytes) return false;
    this.#largest[above] = low;
    this.#largest[below] = high;
    return true;
  }
}
