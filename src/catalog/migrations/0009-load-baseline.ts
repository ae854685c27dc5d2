/** What is usual is folded from `load_rollups` whenever it is asked for; no version that was released reads the table. */
export const loadBaselineGone = `
DROP TABLE load_baseline;
`;
