package main

import (
	"context"
	"fmt"

	"indeks/store"
)

type compactCmd struct{ configFlag }

func (*compactCmd) Help() string {
	return `The records file never shrinks by itself: it keeps any space it once needed. This command rewrites it,
checks the new file and puts it in place. The old file stays next to it as *.before-compact until you
remove it. Stop the issuer server first. You need as much free space again as the records take.`
}

func (cmd *compactCmd) Run(ctx context.Context, con console) error {
	c, err := readConfig(cmd.Config)
	if err != nil {
		return err
	}
	if err := c.errDatabase("compacting", "autovacuum, or VACUUM"); err != nil {
		return err
	}
	_, learners, err := c.unlock(ctx)
	if err != nil {
		return err
	}
	path := c.path(c.Issuer.StoreFile)
	before, after, err := store.Compact(ctx, path, c.Issuer.StoreID, learners)
	if err != nil {
		return err
	}
	fmt.Fprintf(con.out, "%s: %d bytes, before %d. The old file is %s.before-compact; remove it when all is well.\n", path, after, before, path)
	return nil
}
