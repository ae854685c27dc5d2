/** All workflows. Workers load this file; nothing else does. */
export { backup } from './backup';
export { fillStoreWithAll } from './fill-store-with-all';
export { heavyWork } from './heavy-work';
export { intactShare } from './intact-share';
export { loadWatch } from './load-watch';
export { replicateCopy } from './replicate-copy';
export { request } from './request';
export { restore } from './restore';
export { retention } from './retention';
export { storeHealth } from './store-health';
export { storeUsage } from './store-usage';
export { rotation } from './rotation';
export { sweep } from './sweep';
export { verifyCopy } from './verify-copy';
