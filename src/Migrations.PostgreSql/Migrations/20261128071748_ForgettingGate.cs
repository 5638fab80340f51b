using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace ContinualService.Migrations.PostgreSql.Migrations
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
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<long>(
                name: "OverriddenAt",
                table: "Versions",
                type: "bigint",
                nullable: true);

            migrationBuilder.AddColumn<string>(
                name: "OverriddenBy",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "OverrideReason",
                table: "Versions",
                type: "text",
                nullable: true,
                collation: "C");

            migrationBuilder.AddColumn<string>(
                name: "Reason",
                table: "Audit",
                type: "text",
                nullable: true,
                collation: "C");
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
