import type { RequestContext } from './responses.ts';

/** Headers of a reverse proxy: it connects from this machine, but who is behind it nobody knows. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'];

/**
 * Whether whoever asks has shown to be the owner of this daemon: by the control socket, a token, or as the same user of this
 * machine. Without a token, every user of the machine may open the page.
 */
export async function isOwner(c: RequestContext): Promise<boolean> {
  const { policy } = c.env;
  if (policy.via === 'socket' || policy.token !== undefined) return true;
  const isForwarded = policy.publicUrl !== undefined || FORWARDED.some(name => c.req.header(name) !== undefined);
  return !isForwarded && (await c.env.isOwner?.()) === true;
}
