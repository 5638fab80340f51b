using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ContinualService.Migrations.Sqlite.Migrations
{
    /// <inheritdoc />
    public partial class ForgettingGate : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "GateJson",
                table: "Versions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<long>(
                name: "OverriddenAt",
                table: "Versions",
                type: "INTEGER",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "OverriddenBy",
                table: "Versions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "OverrideReason",
                table: "Versions",
                type: "TEXT",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "Reason",
                table: "Audit",
                type: "TEXT",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "GateJson",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "OverriddenAt",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "OverriddenBy",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "OverrideReason",
                table: "Versions");

            migrationBuilder.DropColumn(
                name: "Reason",
                table: "Audit");
        }
    }
}
