import { errorFactory, type ErrorDefinition } from './holdfast-error';

/** What is denied where the configuration names tokens (`access`). None of them ever carries a token. */
export const ACCESS_ERRORS = {
  ACCESS_TOKEN_MISSING: {
    summary: 'this needs a token and none was presented',
    hint: 'set HOLDFAST_TOKEN, or HOLDFAST_TOKEN_FILE to the file that holds it; docs/access.md says who needs which role',
    retryable: false,
    fault: 'environment',
  },
  ACCESS_TOKEN_UNKNOWN: {
    summary: 'the token is none of those that the configuration accepts',
    hint: 'check which token HOLDFAST_TOKEN holds; a new one is made with `holdfast access token NAME`, its hash goes under access.tokens',
    retryable: false,
    fault: 'environment',
  },
  ACCESS_TOKEN_EXPIRED: {
    summary: 'the token has expired',
    hint: 'ask who keeps holdfast.yaml for a new one: `holdfast access token NAME`',
    retryable: false,
    fault: 'environment',
  },
  ACCESS_DENIED: {
    summary: 'the token does not carry the role that this needs',
    hint: 'ask somebody whose token has it, or who keeps holdfast.yaml; `holdfast access list` shows who may what',
    retryable: false,
    fault: 'environment',
  },
} as const satisfies Record<string, ErrorDefinition>;

export const accessError = errorFactory(ACCESS_ERRORS);
