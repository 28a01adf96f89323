/** Quick enough for a test; the order and number of requests are those of the real timings. */
const QUICK = {
  poll_interval: '100ms',
  poll_limit: '10m',
  message_timeout: '5m',
  heartbeat_timeout: '3m',
  recovery: { first: '100ms', every: '100ms', checks: 5 },
  retry_after: '200ms',
};

/** The configuration of a box that works through the service at `apiUrl`. */
export function cloudConfig(
  apiUrl: string,
  extra: Record<string, unknown> = {},
  rule: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    engine: 'nemo',
    rules: [{ name: 'cloud', size: '300kB', instruction: 'compress this video to under 300kB', ...rule }],
    nemo: { api_url: apiUrl, ...QUICK },
    ...extra,
  };
}
