import { instructionFor } from './ignored-names.ts';

/** A text that can only be an instruction, under the name it really has, and its pin key. */
export interface KnownText {
  name: string;
  key: number;
}

/** The instructions of one directory. Their case does not count: phones and cameras write `CLIP.MP4.TXT` for `clip.mp4`. */
export class Sidecars {
  readonly #texts = new Map<string, KnownText[]>();

  names(): string[] {
    return [...this.#texts.values()].flat().map(({ name }) => name);
  }

  keyOf(name: string): number | undefined {
    return this.#alike(name).find(text => text.name === name)?.key;
  }

  /** @param key `undefined`: it is gone. */
  set(name: string, key: number | undefined): void {
    const others = this.#alike(name).filter(text => text.name !== name);
    const texts = key === undefined ? others : [...others, { name, key }];
    if (texts.length > 0) this.#texts.set(name.toLowerCase(), texts);
    else this.#texts.delete(name.toLowerCase());
  }

  /** The instruction for `media`. @param isFile whether the directory has a file of exactly this name */
  of(media: string, isFile: (name: string) => boolean): KnownText | undefined {
    const texts = this.#alike(`${media}.txt`);
    const found = instructionFor(
      media,
      texts.map(({ name }) => name),
      isFile,
    );
    return texts.find(({ name }) => name === found);
  }

  #alike(name: string): readonly KnownText[] {
    return this.#texts.get(name.toLowerCase()) ?? [];
  }
}
