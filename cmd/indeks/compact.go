package main

import (
	"context"
	"fmt"

	"indeks/store"
)

type compactCmd struct{ configFlag }

func (*compactCmd) Help() string {
	return `The file of the records never shrinks by itself: room that was needed once stays with it. This writes it
anew, checks the new file and puts it in place; the old one stays beside it as *.before-compact until you
remove it. The issuer's server must not run. It needs as much room again as the records take.`
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
