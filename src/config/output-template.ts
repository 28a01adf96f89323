/** The name of a result where nobody says otherwise; schema.ts checks such templates, rules/output-name.ts fills them in. */
export const DEFAULT_OUTPUT = '{dir}/{name}.mp4';
