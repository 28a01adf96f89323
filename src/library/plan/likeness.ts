import type { FilmFacts, SampledFilm } from '../../engine/engine.ts';

/** Films of one kind that are sampled; later ones are taken to be like them. */
const OF_A_KIND = 3;
/** And in all: each costs seconds to a minute. */
const SAMPLED = 60;

/** What sampled films say of others of their kind: codec, picture size, and how many bits each pixel has. */
export class Likeness {
  readonly #kinds = new Map<string, SampledFilm[]>();
  #sampled = 0;

  get sampled(): number {
    return this.#sampled;
  }

  add(film: FilmFacts, sample: SampledFilm): void {
    const kind = kindOf(film);
    this.#kinds.set(kind, [...(this.#kinds.get(kind) ?? []), sample]);
    this.#sampled += 1;
  }

  /** `undefined`: it should be sampled itself. */
  like(film: FilmFacts): SampledFilm | undefined {
    const own = this.#kinds.get(kindOf(film)) ?? [];
    if (own.length >= OF_A_KIND) return medianOf(own);
    if (this.#sampled < SAMPLED) return undefined;
    return medianOf(own.length > 0 ? own : [...this.#kinds.values()].flat());
  }
}

function kindOf({ codec, width, height, bitsPerPixel }: FilmFacts): string {
  const lines = Math.min(width, height);
  const size = lines < 500 ? 'small' : lines < 900 ? 'hd' : lines < 1300 ? 'full' : 'large';
  // Half as many bits are another kind.
  return `${codec} ${size} ${Math.round(Math.log2(Math.max(1e-4, bitsPerPixel)))}`;
}

function medianOf(samples: readonly SampledFilm[]): SampledFilm {
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
  const times = samples.flatMap(({ secondsPerMegapixel }) => secondsPerMegapixel ?? []);
  return { share: middle(samples.map(({ share }) => share)) ?? 1, secondsPerMegapixel: middle(times) };
}
