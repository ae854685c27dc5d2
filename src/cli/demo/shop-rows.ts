/** One statement that fills one table; all values follow from row numbers, all work is done by the server. */
export interface FillStep {
  readonly what: string;
  readonly sql: string;
}

/** Steps for a database of about `megabytes` on disk. */
export function shopRows(megabytes: number): readonly FillStep[] {
  const scale = megabytes / 200;
  const count = (at200: number) => Math.max(20, Math.round(at200 * scale));
  const customers = count(60_000);
  const products = count(1_500);
  const orders = count(190_000);
  const reviews = count(7_000);
  const attachments = count(900);
  const manuals = Math.max(3, count(40));
  return [
    {
      what: `${customers} customers`,
      sql: `insert into shop.customers (name, email, address, tags, credit, created_at)
        select (array['Ana','Ben','Chloé','Đorđe','Eva','Farid','Grace','Håkon'])[1 + g % 8] || ' ' || initcap(substr(md5(g::text), 1, 4 + g % 9)),
          'c' || g || '@example.com',
          jsonb_build_object('street', substr(md5('s' || g), 1, 12) || ' ' || g % 200, 'zip', lpad((g % 99999)::text, 5, '0'),
            'city', (array['Lisbon','Ghent','Graz','Oulu','Split','Cork'])[1 + g % 6], 'geo', jsonb_build_array(g % 90, g % 180)),
          array[substr(md5('t' || g % 40), 1, 5), 'group-' || g % 12], (g % 10007) / 100.0,
          timestamptz '2024-01-01Z' + g * interval '11 minutes'
        from generate_series(1, ${customers}) g`,
    },
    {
      what: `${products} products with pictures`,
      sql: `insert into shop.products (sku, title, description, price, picture)
        select 'SKU-' || lpad(g::text, 6, '0'), initcap(substr(md5('p' || g), 1, 10)),
          'A ' || (array['small','large','blue','quiet','sturdy'])[1 + g % 5] || E' thing.\\nWith\\ttabs and \\\\ backslashes. ' || repeat(md5('d' || g), 6),
          1 + (g * 37 % 90000) / 100.0,
          (select string_agg(sha256((g || '/' || k)::bytea), ''::bytea) from generate_series(1, 64) k)
        from generate_series(1, ${products}) g`,
    },
    {
      what: `${orders} orders in partitions`,
      sql: `insert into shop.orders
        select g, 1 + (g::bigint * 7919) % ${customers}, timestamptz '2023-11-15Z' + g * (interval '1000 days' / ${orders}),
          (array['placed','paid','shipped','delivered','returned'])[1 + g % 5]::shop.order_status, (g * 13 % 500000) / 100.0,
          jsonb_build_object('channel', (array['web','app','shop'])[1 + g % 3], 'coupon', case when g % 7 = 0 then substr(md5(g::text), 1, 8) end,
            'shipping', jsonb_build_object('carrier', 'carrier-' || g % 9, 'tracking', md5('t' || g), 'steps',
              jsonb_build_array('packed', 'sent', g % 100)), 'note', repeat(substr(md5('n' || g), 1, 8) || ' ', 6))
        from generate_series(1, ${orders}) g`,
    },
    {
      what: `${orders * 3} order items`,
      sql: `insert into shop.order_items
        select g, line, 1 + (g * 31 + line * 7) % ${products}, 1 + (g + line) % 5, 1 + ((g * 37 + line) % 90000) / 100.0
        from generate_series(1, ${orders}) g, generate_series(1, 3) line`,
    },
    {
      what: `${reviews} long reviews`,
      sql: `with paragraph as materialized (
          select p, string_agg((array['the','thing','arrived','late','and','works','well','but','smells','of','paint','kids','love','it',
            'would','buy','again','never','broke','after','two','weeks','support','was','kind'])[1 + hashint8(p * 1000 + w) & 15], ' ') as words
          from generate_series(0, 499) p, generate_series(1, 90) w group by p)
        insert into shop.reviews
        select g, 1 + g % ${products}, 1 + g % 5, string_agg(words || ' ' || md5(g || '/' || k) || '.', E'\\n'), date '2024-01-01' + g % 800
        from generate_series(1, ${reviews}) g, generate_series(1, 20) k join paragraph on true
        where p = (g * 17 + k * 29) % 500 group by g`,
    },
    {
      what: `${attachments} attachments of random bytes`,
      sql: `insert into shop.attachments
        select g, 1 + g * 97 % ${orders}, 'scan-' || g || '.pdf',
          (select string_agg(sha256(('a' || g || '/' || k)::bytea), ''::bytea) from generate_series(1, 900) k)
        from generate_series(1, ${attachments}) g`,
    },
    {
      what: `${manuals} manuals as large objects`,
      sql: `insert into shop.manuals
        select g, lo_from_bytea(0, (select string_agg(sha256(('m' || g || '/' || k)::bytea), ''::bytea) from generate_series(1, 6000) k))
        from generate_series(1, ${manuals}) g`,
    },
    {
      what: 'some odd rows',
      sql: `insert into shop."Größen & Maße" values (1, 'NaN', null), (2, '-Infinity', ''), (3, 1.0 / 3, E'\\\\N'), (4, 1e-300, E'a\\tb\\r\\nc')`,
    },
  ];
}

/** What a day of business does: new orders, changed prices and customers, one manual replaced, some rows gone. */
export const SHOP_CHANGES: readonly FillStep[] = [
  {
    what: 'new orders',
    sql: `insert into shop.orders
      select m + g, 1 + g % 20, timestamptz '2026-10-01Z' + g * interval '1 minute', 'placed', g, jsonb_build_object('channel', 'web', 'n', g)
      from (select max(id) as m from shop.orders) last, generate_series(1, 500) g`,
  },
  { what: 'prices raised', sql: `update shop.products set price = price + 1 where id % 50 = 0` },
  {
    what: 'addresses changed',
    sql: `update shop.customers set address = address || '{"moved": true}' where id <= 200`,
  },
  { what: 'reviews deleted', sql: `delete from shop.reviews where id % 500 = 0` },
  {
    what: 'a manual replaced',
    sql: `update shop.manuals set document = lo_from_bytea(0, sha256('new manual')) where product_id = 1`,
  },
  { what: 'invoices numbered', sql: `select nextval('shop.invoice_number') from generate_series(1, 25)` },
  { what: 'sales counted again', sql: `refresh materialized view shop.sales_by_month` },
];
