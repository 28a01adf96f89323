import { ShrinkError } from '../../../core/errors.ts';
import { say } from '../../../messages/say.ts';
import { fileError } from '../../../platform/files/file-error.ts';
import { type InputFile, reading } from '../../../platform/files/files.ts';
import { isAddress } from '../http/address.ts';

/** Longer than any address; the rest of such a file is not read. */
const MAX_BYTES = 64 * 1024;

/**
 * The address in a link file. @throws ShrinkError `cannot-do` if there is none that the service could fetch, `gone` and the like
 * if the file cannot be read.
 */
export async function readLink(file: InputFile): Promise<string> {
  const address = addressIn(await readStart(file));
  if (address === undefined) {
    throw new ShrinkError('cannot-do', say('nemo.no-address-in-link'), {
      doing: say('nemo.doing-link'),
      subject: file.path,
      hint: say('nemo.no-address-in-link-hint'),
    });
  }
  return address;
}

/** The first http(s) address in the text of a .url, .webloc (XML) or .url.txt file. */
export function addressIn(text: string): string | undefined {
  const candidates = [
    /^\s*URL\s*=\s*(\S+)\s*$/im.exec(text)?.[1],
    /<key>\s*URL\s*<\/key>\s*<string>\s*([^<\s]+)\s*<\/string>/i.exec(text)?.[1]?.replaceAll('&amp;', '&'),
    // A binary property list holds short strings as they are.
    text.startsWith('bplist') ? /https?:\/\/[\x21-\x7E]+/.exec(text)?.[0] : undefined,
    text
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/, 1)[0]
      ?.trim(),
  ];
  return candidates.find(candidate => candidate !== undefined && isAddress(candidate) && URL.canParse(candidate));
}

/** The last part of the address, for people. */
export function nameIn(address: string): string {
  try {
    return decodeURIComponent(new URL(address).pathname.split('/').at(-1) ?? '') || new URL(address).host;
  } catch {
    return 'link';
  }
}

async function readStart(file: InputFile): Promise<string> {
  const buffer = Buffer.alloc(MAX_BYTES);
  try {
    const { bytesRead } = await reading(file, opened => opened.read(buffer, 0, MAX_BYTES, 0));
    return buffer.toString('utf8', 0, bytesRead);
  } catch (error) {
    throw fileError(error, say('nemo.doing-link'), file.path);
  }
}
