/**
 * A certificate for the fleet's address, signed by itself. Workers trust its key and nothing it says (they pin it), so it needs the
 * few fields that TLS insists on. Written out by hand: the smallest library that makes one brings twenty packages (decision 19).
 */
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';

export interface KeyAndCertificate {
  /** PEM */
  key: string;
  cert: string;
}

/** What workers pin: the hash of the public key, so that a certificate may be renewed with the same key. */
export function pinOf(cert: string | Buffer): string {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64url');
}

/** Valid at any time: a machine whose clock is years off is let in as well. */
export function makeCertificate(commonName: string): KeyAndCertificate {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const name = sequence(set(sequence(COMMON_NAME, tagged(0x0c, Buffer.from(commonName.slice(0, 64))))));
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(randomBytes(16)),
    sequence(ECDSA_WITH_SHA256),
    name,
    sequence(time('20000101000000Z'), time('99991231235959Z')),
    name,
    spki,
  );
  const signature = sign('sha256', body, privateKey);
  const der = sequence(body, sequence(ECDSA_WITH_SHA256), tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

/** DER: a tag, the length, the content. */
function tagged(tag: number, ...content: Buffer[]): Buffer {
  const whole = Buffer.concat(content);
  const { length } = whole;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...head]), whole]);
}

const sequence = (...content: Buffer[]): Buffer => tagged(0x30, ...content);
const set = (...content: Buffer[]): Buffer => tagged(0x31, ...content);
const time = (text: string): Buffer => tagged(0x18, Buffer.from(text));

/** Positive: the highest bit would be a sign. */
function integer(bytes: Buffer): Buffer {
  const positive = Buffer.from(bytes);
  positive[0] = (positive[0] ?? 0) & 0x7f || 0x01;
  return tagged(0x02, positive);
}

/** 1.2.840.10045.4.3.2 and 2.5.4.3 */
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');
