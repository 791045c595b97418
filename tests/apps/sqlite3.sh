#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# sqlite3.sh - a database in the middle of a transaction, with its locks and its journal.
. "$(dirname "$0")/lib.sh"
cat > "$work/prog.sql" <<'END'
.bail on
create table t (i integer primary key, s text);
begin immediate;
insert into t with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000) select i, hex(i * 7919) from n;
.output progress
select count(*) from t;
.output stdout
insert into t with recursive n(i) as (select 60001 union all select i + 1 from n where i < 3000000) select i, hex(i * 7919) from n;
update t set s = s || 'x' where i % 3 = 0;
commit;
pragma integrity_check;
select count(*), sum(length(s)), sum(i) from t;
END
app sqlite3 progress sh -c 'sqlite3 db < "$1" > out && mv out result && touch result.done' sh "$work/prog.sql"
